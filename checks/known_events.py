"""The events in checks/events: each as AWS documents it, or as this project emits it.

`<name>` stands for what the account chooses (a name, an id, a time), `<A|B>` for one of these words, `<line>`
for the name that edgeline.toml gives the line, `<number>` for a number. All else stands as it is sent.
"""

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from checks.event_patterns import condition_holds, leaves

Event = Mapping[str, Any]
_FOLDER = Path(__file__).parent / "events"
_OPEN = re.compile(r"<([^<>]+)>")


@cache
def known_events() -> dict[str, Event]:
    """Every known event by the name of its file."""
    return {
        file.name: json.loads(file.read_text(encoding="utf-8")) for file in sorted(_FOLDER.glob("*.json"))
    }


def likeliest(event: Event, pattern: Mapping[str, Any], lines: Iterable[str]) -> Event:
    """The event with its open places filled so that it matches the pattern as far as it can.

    `lines` are the names that the line may have.
    """
    wanted: dict[tuple[str, ...], list[Any]] = {}
    for path, conditions in leaves(pattern):
        wanted.setdefault(path, []).extend(conditions)
    filled: Event = _filled(event, (), wanted, tuple(lines))
    return filled


def has_path(event: Any, path: tuple[str, ...]) -> bool:
    """Whether the event has the keys that lead to a leaf."""
    for key in path:
        if isinstance(event, list):
            return any(has_path(entry, path) for entry in event)
        if not isinstance(event, Mapping) or key not in event:
            return False
        event, path = event[key], path[1:]
    return True


def value_at(event: Any, path: tuple[str, ...]) -> Any:
    """What stands at a path; None where nothing does."""
    for key in path:
        event = event.get(key) if isinstance(event, Mapping) else None
    return event


def _filled(
    value: Any, path: tuple[str, ...], wanted: Mapping[tuple[str, ...], list[Any]], lines: tuple[str, ...]
) -> Any:
    if isinstance(value, Mapping):
        return {key: _filled(entry, (*path, key), wanted, lines) for key, entry in value.items()}
    if isinstance(value, list):
        return [_filled(entry, path, wanted, lines) for entry in value]
    if not isinstance(value, str) or not _OPEN.search(value):
        return value
    conditions = wanted.get(path, [])
    candidates = list(_candidates(value, conditions, lines))
    return next(
        (one for one in candidates if any(condition_holds(each, one) for each in conditions)), candidates[-1]
    )


def _candidates(text: str, conditions: list[Any], lines: tuple[str, ...]) -> Iterator[Any]:
    """What may stand at an open place: what the conditions name, if it may, and some value in any case."""
    named = [value for condition in conditions for value in _values(condition)]
    if text == "<number>":
        numbers = [value for value in named if isinstance(value, int | float) and not isinstance(value, bool)]
        yield from (number + step for number in numbers for step in (0, 1, -1))
        yield 1
        return
    form = re.compile(_regex(text, lines))
    yield from (value for value in named if isinstance(value, str) and form.fullmatch(value))
    pieces = [
        _choices(piece, lines) if index % 2 else [piece] for index, piece in enumerate(_OPEN.split(text))
    ]
    yield from map("".join, itertools.product(*pieces))


def _regex(text: str, lines: tuple[str, ...]) -> str:
    pieces = _OPEN.split(text)
    # A place inside a text ends where the next part of an ARN begins.
    anything = ".+" if pieces[0] == pieces[-1] == "" and len(pieces) == 3 else "[^:]+"
    for index in range(1, len(pieces), 2):
        closed = "|" in pieces[index] or pieces[index] == "line"
        choices = "|".join(map(re.escape, _choices(pieces[index], lines)))
        pieces[index] = f"({choices})" if closed else anything
    return "".join(piece if index % 2 else re.escape(piece) for index, piece in enumerate(pieces))


def _choices(name: str, lines: tuple[str, ...]) -> list[str]:
    return list(lines) if name == "line" else name.split("|")


def _values(condition: Any) -> Iterator[Any]:
    """Values for which a condition may hold."""
    match condition:
        case {"prefix": str(text)}:
            yield from (text, f"{text}x")
        case {"suffix": str(text)}:
            yield from (text, f"x{text}")
        case {"wildcard": str(text)}:
            yield re.sub(r"\\([*\\])|\*", lambda match: match[1] or "x", text)
        case {"equals-ignore-case": str(text)} | {"prefix": {"equals-ignore-case": str(text)}}:
            yield from (text, text.upper(), text.lower())
        case {"suffix": {"equals-ignore-case": str(text)}}:
            yield from (text, f"x{text}")
        case {"cidr": str(text)}:
            yield text.partition("/")[0]
        case {"numeric": list() as comparisons}:
            yield from comparisons[1::2]
        case Mapping():
            return
        case _:
            yield condition
