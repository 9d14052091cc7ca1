"""CloudWatch's metric math for alarms: numbers, metrics, arithmetic, comparisons, AND, OR, IF and a few more.

An expression is computed for one period. Where a metric has no data point in it, what is computed from it has
none either, as in CloudWatch; FILL gives it one. What is not served is refused by name when it is parsed.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from local.cloud.errors import AwsError

Value = float | None
Values = Mapping[str, Value]
Evaluate = Callable[[Values], Value]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?|\.\d+)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/^<>(),]))"
)
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
_DEEPEST = 50
_LONGEST = 200  # tokens
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_SPELLED = {"AND": "&&", "OR": "||"}
# The operators from the loosest to the tightest; those of one line bind alike and from the left.
_LEVELS = (("||",), ("&&",), tuple(_COMPARISONS), ("+", "-"), ("*", "/"), ("^",))


@dataclass(frozen=True)
class Expression:
    """A parsed expression; `names` are the ids that it takes values of."""

    text: str
    names: frozenset[str]
    evaluate: Evaluate


def parse(text: str) -> Expression:
    """Parse an expression; AwsError ValidationError names what is not understood."""
    parser = _Parser(text)
    evaluate = parser.whole()
    return Expression(text, frozenset(parser.names), evaluate)


class _Parser:
    def __init__(self, text: str) -> None:
        self.names: set[str] = set()
        self._text, self._depth, self._next = text, 0, 0
        self._tokens = self._split()
        if len(self._tokens) > _LONGEST:
            raise self._wrong(f"it has more than {_LONGEST} parts")

    def _split(self) -> list[str]:
        tokens: list[str] = []
        end = 0
        while self._text[end:].strip():
            found = _TOKEN.match(self._text, end)
            if found is None:
                raise self._wrong(f"{self._text[end:].strip()[:20]!r} is not understood")
            tokens.append(_SPELLED.get(found[0].strip(), found[0].strip()))
            end = found.end()
        return tokens

    def whole(self) -> Evaluate:
        value = self._binary(0)
        if self._peek():
            raise self._wrong(f"{self._peek()!r} is not expected")
        return value

    def _binary(self, level: int) -> Evaluate:
        if level == len(_LEVELS):
            return self._single()
        left = self._binary(level + 1)
        while (sign := self._peek()) in _LEVELS[level]:
            self._next += 1
            left = _operation(sign, left, self._binary(level + 1))
        return left

    def _single(self) -> Evaluate:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong("it is nested too deeply")
        try:
            return self._value(self._take())
        finally:
            self._depth -= 1

    def _value(self, token: str) -> Evaluate:
        if token == "-":  # noqa: S105 - a sign
            return _when_there(operator.neg, [self._single()])
        if token == "(":  # noqa: S105 - a parenthesis
            value = self._binary(0)
            self._expect(")")
            return value
        if token[:1].isdigit() or token.startswith("."):
            number = float(token)
            return lambda values: number
        if self._peek() == "(":
            return self._call(token)
        if not _ID.fullmatch(token):
            raise self._wrong(f"{token!r} is not expected")
        self.names.add(token)
        return lambda values: values.get(token)

    def _call(self, name: str) -> Evaluate:
        self._expect("(")
        given = [self._binary(0)]
        while self._peek() == ",":
            self._next += 1
            given.append(self._binary(0))
        self._expect(")")
        if name in _CHOICES and len(given) == _CHOICES[name][0]:
            return _CHOICES[name][1](*given)
        if name in _FUNCTIONS and len(given) == 1:
            return _when_there(_FUNCTIONS[name], given)
        served = ", ".join([*_CHOICES, *_FUNCTIONS])
        raise self._wrong(f"{name} of {len(given)} is not served by the local CloudWatch, only {served}")

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._next += 1
        return token

    def _expect(self, token: str) -> None:
        if self._take() != token:
            raise self._wrong(f"{token!r} is missing")

    def _wrong(self, why: str) -> AwsError:
        return AwsError("ValidationError", f"Error in expression {self._text!r}: {why}")


def _when_there(compute: Callable[..., Value], given: Sequence[Evaluate]) -> Evaluate:
    """Return what computes from values that are there, and gives none where one of them is not."""

    def evaluate(values: Values) -> Value:
        found = [value(values) for value in given]
        return None if any(value is None for value in found) else compute(*found)

    return evaluate


def _operation(sign: str, left: Evaluate, right: Evaluate) -> Evaluate:
    if sign in _COMPARISONS:
        compare = _COMPARISONS[sign]
        return _when_there(lambda a, b: float(compare(a, b)), [left, right])
    return _when_there(_ARITHMETIC[sign], [left, right])


def _divide(left: float, right: float) -> Value:
    return left / right if right else None


def _power(left: float, right: float) -> Value:
    try:
        return math.pow(left, right)
    except (OverflowError, ValueError):
        return None


def _if(condition: Evaluate, then: Evaluate, otherwise: Evaluate) -> Evaluate:
    def evaluate(values: Values) -> Value:
        chosen = condition(values)
        if chosen is None:
            return None
        return then(values) if chosen else otherwise(values)

    return evaluate


def _fill(value: Evaluate, instead: Evaluate) -> Evaluate:
    def evaluate(values: Values) -> Value:
        found = value(values)
        return instead(values) if found is None else found

    return evaluate


_ARITHMETIC: dict[str, Callable[[float, float], Value]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": _divide, "^": _power,
    "&&": lambda a, b: float(bool(a) and bool(b)), "||": lambda a, b: float(bool(a) or bool(b)),
}  # fmt: skip
_CHOICES: dict[str, tuple[int, Callable[..., Evaluate]]] = {"IF": (3, _if), "FILL": (2, _fill)}
_FUNCTIONS: dict[str, Callable[[float], Value]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}
