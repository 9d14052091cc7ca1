"""Patterns of JSON: `{ $.level = "ERROR" && ($.bytes > 100 || $.user.name IS NULL) }`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from local.monitoring.filter_pattern import Match, Select, compare, literal, wrong_pattern

_TOKEN = re.compile(
    r'\s*(?:(?P<selector>\$(?:\.[\w-]+|\[\d+\]|\["[^"]*"\])+)|(?P<quoted>"(?:[^"\\]|\\.)*")'
    r"|(?P<sign>&&|\|\||!=|<=|>=|[=<>()])|(?P<word>[^\s()&|<>=!]+))"
)
_STEP = re.compile(r'\.([\w-]+)|\[(\d+)\]|\["([^"]*)"\]')
_SIGNS = ("=", "!=", "<", "<=", ">", ">=")
_WORDS: dict[tuple[str, str], Callable[[bool, Any], bool]] = {
    ("IS", "NULL"): lambda there, value: there and value is None,
    ("IS", "TRUE"): lambda there, value: value is True,
    ("IS", "FALSE"): lambda there, value: value is False,
    ("NOT", "EXISTS"): lambda there, value: not there,
}
_MISSING = object()
_DEEPEST = 50

Condition = Callable[[Any], bool]


def parse_json(text: str) -> Match:
    """Parse a JSON pattern."""
    if not text.endswith("}"):
        raise wrong_pattern(text, "} is missing")
    parser = _Parser(text, text[1:-1])
    holds = parser.whole()

    def match(message: str) -> Select | None:
        try:
            document = json.loads(message)
        except ValueError:
            return None
        if not isinstance(document, dict | list) or not holds(document):
            return None

        def select(selector: str) -> Any:
            found = _selected(document, selector)
            return None if found is _MISSING else found

        return select

    return match


def _selected(document: Any, selector: str) -> Any:
    found = document
    for name, index, quoted in _STEP.findall(selector):
        try:
            found = found[int(index)] if index else found[name or quoted]
        except (KeyError, IndexError, TypeError):
            return _MISSING
    return found


class _Parser:
    def __init__(self, text: str, inside: str) -> None:
        self._text, self._next, self._depth = text, 0, 0
        self._tokens: list[str] = []
        end = 0
        while inside[end:].strip():
            found = _TOKEN.match(inside, end)
            if found is None:
                raise wrong_pattern(text, f"{inside[end:].strip()!r} is not understood")
            self._tokens.append(found[0].strip())
            end = found.end()

    def whole(self) -> Condition:
        condition = self._either()
        if self._peek():
            raise wrong_pattern(self._text, f"{self._peek()!r} is not expected")
        return condition

    def _either(self) -> Condition:
        conditions = [self._both()]
        while self._peek() == "||":
            self._take()
            conditions.append(self._both())
        return lambda document: any(holds(document) for holds in conditions)

    def _both(self) -> Condition:
        conditions = [self._single()]
        while self._peek() == "&&":
            self._take()
            conditions.append(self._single())
        return lambda document: all(holds(document) for holds in conditions)

    def _single(self) -> Condition:
        token = self._take()
        if token == "(":  # noqa: S105 - a parenthesis
            self._depth += 1
            if self._depth > _DEEPEST:
                raise wrong_pattern(self._text, "it is nested too deeply")
            condition = self._either()
            if self._take() != ")":
                raise wrong_pattern(self._text, ") is missing")
            return condition
        if not token.startswith("$"):
            raise wrong_pattern(self._text, f"{token!r} is no selector")
        return self._about(token)

    def _about(self, selector: str) -> Condition:
        sign = self._take()
        if sign not in _SIGNS:
            test = _WORDS.get((sign, self._take()))
            if test is None:
                raise wrong_pattern(self._text, f"{sign!r} after {selector} is not understood")
            return lambda document: _test(test, _selected(document, selector))
        wanted = literal(self._text, self._take())
        return lambda document: compare(_selected(document, selector), sign, wanted)

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._next += 1
        return token


def _test(test: Callable[[bool, Any], bool], found: Any) -> bool:
    return test(found is not _MISSING, None if found is _MISSING else found)
