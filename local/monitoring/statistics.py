"""Statistics over data points."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from local.cloud.errors import AwsError

_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")


@dataclass(frozen=True, slots=True)
class Point:
    """`count` values at one moment (seconds since 1970): their sum, the least and the greatest of them."""

    at: float
    total: float
    count: float
    low: float
    high: float
    unit: str = "None"

    @classmethod
    def of(cls, at: float, value: float, count: float = 1.0, unit: str = "None") -> Point:
        """Return a value that was seen `count` times."""
        return cls(at, value * count, count, value, value, unit)

    @property
    def repeated(self) -> bool:
        """Whether all values of the point are the same, and so known."""
        return self.low == self.high and self.total == self.low * self.count


_SIMPLE: dict[str, Callable[[Sequence[Point]], float]] = {
    "SampleCount": lambda points: sum(point.count for point in points),
    "Sum": lambda points: sum(point.total for point in points),
    "Average": lambda points: sum(p.total for p in points) / sum(p.count for p in points),
    "Minimum": lambda points: min(point.low for point in points),
    "Maximum": lambda points: max(point.high for point in points),
}


def check_statistic(name: str) -> None:
    """Raise AwsError for a statistic that is not served."""
    if name not in _SIMPLE and not _PERCENTILE.fullmatch(name):
        served = ", ".join([*_SIMPLE, "p0 to p100"])
        raise AwsError("ValidationError", f"The local CloudWatch has no statistic {name!r}, only {served}")


def statistic_of(name: str, points: Sequence[Point]) -> float | None:
    """Return the statistic; None without points, or for percentiles where CloudWatch knows none."""
    there = [point for point in points if point.count > 0]
    if not there:
        return None
    simple = _SIMPLE.get(name)
    return simple(there) if simple else _percentile(float(name[1:]), there)


def _percentile(percent: float, points: Sequence[Point]) -> float | None:
    # Of a set of statistics, or with a negative value, CloudWatch gives no percentile.
    if any(point.low < 0 or not point.repeated for point in points):
        return None
    ordered = sorted((point.low, point.count) for point in points)
    rank = max(percent / 100 * (sum(count for _, count in ordered) - 1), 0.0)
    low = _at_rank(ordered, int(rank))
    return low + (rank - int(rank)) * (_at_rank(ordered, int(rank) + 1) - low)


def _at_rank(ordered: Sequence[tuple[float, float]], rank: int) -> float:
    seen = 0.0
    for value, count in ordered:
        seen += count
        if rank < seen:
            return value
    return ordered[-1][0]
