"""Patterns of fields between spaces: `[time, ..., level="ERROR", bytes > 100 && bytes < 1000]`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from local.monitoring.filter_pattern import Match, Select, compare, literal, wrong_pattern

_ANY_NUMBER = "..."
_FIELD_OF_MESSAGE = re.compile(r'"((?:[^"\\]|\\.)*)"|\[([^\]]*)\]|(\S+)')
_CONDITION = re.compile(
    r'\s*(?P<name>[A-Za-z_]\w*)\s*(?P<sign>!=|<=|>=|=|<|>)\s*(?P<value>"(?:[^"\\]|\\.)*"|%.*%|[^\s"&|]+)\s*'
)
_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class _Field:
    name: str
    holds: Callable[[str], bool]


def parse_fields(text: str) -> Match:
    """Parse a pattern of fields."""
    if not text.endswith("]"):
        raise wrong_pattern(text, "] is missing")
    parts = [part.strip() for part in _split(text[1:-1])]
    if parts.count(_ANY_NUMBER) > 1:
        raise wrong_pattern(text, "... may stand once")
    gap = parts.index(_ANY_NUMBER) if _ANY_NUMBER in parts else None
    fields = [_field(text, part, number) for number, part in enumerate(parts) if part != _ANY_NUMBER]

    def match(message: str) -> Select | None:
        found = _chosen(fields_of(message), len(fields), gap)
        if found is None or not all(f.holds(value) for f, value in zip(fields, found, strict=True)):
            return None
        values = {f"${f.name}": value for f, value in zip(fields, found, strict=True)}
        return values.get

    return match


def fields_of(message: str) -> list[str]:
    """Split a message: what stands between quotes or brackets is one field, without them."""
    return [
        next(group for group in found.groups() if group is not None)
        for found in _FIELD_OF_MESSAGE.finditer(message)
    ]


def _chosen(found: Sequence[str], wanted: int, gap: int | None) -> list[str] | None:
    """Return the message's fields that the pattern's stand for; None where their numbers do not agree."""
    if len(found) == wanted:
        return list(found)
    if gap is None or len(found) < wanted:
        return None
    after = wanted - gap
    return [*found[:gap], *found[len(found) - after :]]


def _split(text: str) -> list[str]:
    """Split at the commas that are not within quotes."""
    parts = [""]
    for piece in re.findall(r'"(?:[^"\\]|\\.)*"|,|[^",]+', text):
        if piece == ",":
            parts.append("")
        else:
            parts[-1] += piece
    return parts


def _field(text: str, part: str, number: int) -> _Field:
    if not part or _NAME.fullmatch(part):
        return _Field(part or str(number), lambda value: True)
    name, holds = _conditions(text, part)
    return _Field(name, holds)


def _conditions(text: str, part: str) -> tuple[str, Callable[[str], bool]]:
    """Parse `name = a || name = b`; && binds tighter than ||."""
    names: set[str] = set()
    either: list[list[Callable[[str], bool]]] = [[]]
    end, joint = 0, "&&"
    while joint:
        found = _CONDITION.match(part, end)
        if found is None:
            raise wrong_pattern(text, f"{part[end:].strip() or part!r} is not understood")
        names.add(found["name"])
        if joint == "||":
            either.append([])
        either[-1].append(_condition(found["sign"], literal(text, found["value"])))
        joint, end = part[found.end() : found.end() + 2], found.end() + 2
        if joint not in ("", "&&", "||"):
            raise wrong_pattern(text, f"{joint!r} is not expected")
    if len(names) > 1:
        raise wrong_pattern(text, f"{part!r} is about several fields")
    return names.pop(), lambda value: any(all(holds(value) for holds in each) for each in either)


def _condition(sign: str, wanted: str | float) -> Callable[[str], bool]:
    return lambda value: compare(value, sign, wanted)
