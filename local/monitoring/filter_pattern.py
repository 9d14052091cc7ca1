"""Filter patterns of CloudWatch Logs: terms, fields between spaces, JSON. Regular expressions are refused.

A pattern is parsed once and gives for each message the values of its fields, or None where it does not match.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from local.cloud.errors import AwsError

Select = Callable[[str], Any]  # what a selector, "$score" or "$.score", has as its value; None for nothing
Match = Callable[[str], Select | None]

_TERM = re.compile(r'\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))')


def parse_pattern(text: str) -> Match:
    """Parse a filter pattern; AwsError InvalidParameterException names what is not served in it."""
    # Imported here since they build on what is below.
    from local.monitoring.field_pattern import parse_fields
    from local.monitoring.json_pattern import parse_json

    stripped = text.strip()
    if stripped.startswith("["):
        return parse_fields(stripped)
    if stripped.startswith("{"):
        return parse_json(stripped)
    return _parse_terms(stripped)


def wrong_pattern(text: str, why: str) -> AwsError:
    """Return the error for a pattern that is not understood."""
    return AwsError("InvalidParameterException", f"Invalid metric filter pattern {text!r}: {why}")


def compare(found: Any, sign: str, wanted: str | float) -> bool:
    """Compare a field's value as patterns do: numbers as numbers, texts with `*` for any characters."""
    if isinstance(wanted, str):
        if isinstance(found, bool) or not isinstance(found, str | int | float):
            return False
        return _like(str(found), wanted) == (sign == "=") if sign in ("=", "!=") else False
    try:
        number = float(found)
    except (TypeError, ValueError):
        return sign == "!=" and found is not None
    return {
        "=": number == wanted, "!=": number != wanted, "<": number < wanted,
        "<=": number <= wanted, ">": number > wanted, ">=": number >= wanted,
    }[sign]  # fmt: skip


def literal(text: str, given: str) -> str | float:
    """Return the number or the text that a condition compares with."""
    if given.startswith('"'):
        return re.sub(r"\\(.)", r"\1", given[1:-1])
    if given.startswith("%"):
        raise wrong_pattern(text, "the local cloud serves no regular expressions")
    try:
        return float(given)
    except ValueError:
        return given


def _like(found: str, wanted: str) -> bool:
    # Only `*` is special to CloudWatch.
    return fnmatchcase(found, re.sub(r"[\[?]", r"[\g<0>]", wanted))


def _parse_terms(text: str) -> Match:
    if text.startswith("%"):
        raise wrong_pattern(text, "the local cloud serves no regular expressions")
    needed: list[str] = []
    unwanted: list[str] = []
    either: list[str] = []
    end = 0
    while text[end:].strip():
        found = _TERM.match(text, end)
        if found is None:
            raise wrong_pattern(text, f"{text[end:].strip()!r} is not understood")
        end = found.end()
        term = found[3] if found[2] is None else re.sub(r"\\(.)", r"\1", found[2])
        {"": needed, "-": unwanted, "?": either}[found[1]].append(term)

    def match(message: str) -> Select | None:
        there = all(term in message for term in needed) and not any(term in message for term in unwanted)
        # Beside terms that are needed, those with a question mark decide nothing.
        if not needed and either:
            there = there and any(term in message for term in either)
        return (lambda selector: None) if there else None

    return match
