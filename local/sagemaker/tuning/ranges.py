"""The ranges of a tuning job: each hyperparameter's values as text, and as numbers from 0 to 1 to search in.

As AWS writes them: an integer without a point, a continuous value with all its digits, a category as given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.cloud.errors import AwsError
from local.sagemaker.refuse import refuse_given

# AWS does not say when its Auto takes a logarithmic scale.
_AUTO_LOGARITHMIC_FROM = 100.0
_MOST = 30


def invalid(problem: str) -> AwsError:
    """Give the error for a request that AWS refuses too."""
    return AwsError("ValidationException", problem)


@dataclass(frozen=True)
class Scale:
    """A monotonous way between values and the numbers that are searched evenly."""

    to: Callable[[float], float]
    back: Callable[[float], float]


_SCALES = {
    "Linear": Scale(lambda value: value, lambda place: place),
    "Logarithmic": Scale(math.log, math.exp),
    "ReverseLogarithmic": Scale(lambda value: -math.log1p(-value), lambda place: -math.expm1(-place)),
}


@dataclass(frozen=True)
class Number:
    """A continuous or integer hyperparameter between two values, both included."""

    name: str
    low: float
    high: float
    scale: Scale
    whole: bool

    def text(self, unit: float) -> str:
        """Write the value at a number from 0 to 1."""
        low, high = (self.scale.to(end) for end in self._ends())
        value = self.scale.back(low + unit * (high - low))
        # The ends as they were given: the way there and back rounds.
        value = self.low if unit <= 0 else self.high if unit >= 1 else min(max(value, self.low), self.high)
        if not self.whole:
            return repr(value)
        return str(int(min(max(math.floor(value + 0.5), self.low), self.high)))

    def unit(self, text: str) -> float:
        """Give the number from 0 to 1 of a value that was written."""
        low, high = (self.scale.to(end) for end in self._ends())
        return min(max((self.scale.to(float(text)) - low) / (high - low), 0.0), 1.0)

    def _ends(self) -> tuple[float, float]:
        """Widen whole numbers by a half, so that the outermost are as likely as the others."""
        return (self.low - 0.5, self.high + 0.5) if self.whole else (self.low, self.high)


@dataclass(frozen=True)
class Category:
    """A hyperparameter with one of some values."""

    name: str
    values: tuple[str, ...]

    def text(self, unit: float) -> str:
        """Give the value at a number from 0 to 1."""
        return self.values[min(int(unit * len(self.values)), len(self.values) - 1)]


Range = Number | Category


def read_ranges(given: Mapping[str, Any]) -> list[Range]:
    """Read `ParameterRanges`, by name; AwsError for a range that AWS refuses."""
    refuse_given("ParameterRanges", given, "AutoParameters")
    ranges: list[Range] = [
        *(_number(item, whole=False) for item in given.get("ContinuousParameterRanges", [])),
        *(_number(item, whole=True) for item in given.get("IntegerParameterRanges", [])),
        *(_category(item) for item in given.get("CategoricalParameterRanges", [])),
    ]
    names = [item.name for item in ranges]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise invalid(f"ParameterRanges: {', '.join(twice)} has more than one range")
    if not 1 <= len(ranges) <= _MOST:
        raise invalid(f"ParameterRanges: {len(ranges)} hyperparameters to tune, 1 to {_MOST} are allowed")
    return sorted(ranges, key=lambda item: item.name)


def _number(item: Mapping[str, Any], *, whole: bool) -> Number:
    name = item["Name"]
    try:
        low, high = (float((int if whole else float)(item[key])) for key in ("MinValue", "MaxValue"))
    except ValueError as error:
        raise invalid(
            f"The range of {name} has an end that is no {'integer' if whole else 'number'}: {error}"
        ) from error
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise invalid(f"The range of {name}: MinValue {low:g} is not below MaxValue {high:g}")
    return Number(name, low, high, _SCALES[_scaling(item.get("ScalingType", "Auto"), name, low, high)], whole)


def _scaling(kind: str, name: str, low: float, high: float) -> str:
    if kind == "Auto":
        return "Logarithmic" if low > 0 and high / low >= _AUTO_LOGARITHMIC_FROM else "Linear"
    if kind == "Logarithmic" and low <= 0:
        raise invalid(f"The range of {name}: logarithmic scaling is for values greater than 0 only")
    if kind == "ReverseLogarithmic" and not (low >= 0 and high < 1):
        raise invalid(f"The range of {name}: reverse logarithmic scaling is for 0 <= x < 1.0 only")
    return kind


def _category(item: Mapping[str, Any]) -> Category:
    values = tuple(item["Values"])
    if len(set(values)) < len(values):
        raise invalid(f"The values of {item['Name']}: one is there twice")
    return Category(item["Name"], values)
