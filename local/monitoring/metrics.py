"""Data points by metric. A metric is its namespace, its name and its dimensions, all of them exactly."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from local.monitoring.statistics import Point, statistic_of

# CloudWatch keeps data points of less than a minute that long; alarms may not look further back.
KEPT_SECONDS = 3 * 3600.0
_FORGET_EVERY = 1000


@dataclass(frozen=True, order=True)
class Metric:
    """What a metric is known by; `dimensions` are sorted."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Mapping[str, str] | None = None) -> Metric:
        """Return the metric with these dimensions."""
        return cls(namespace, name, tuple(sorted((dimensions or {}).items())))


@dataclass
class _Series:
    points: list[Point] = field(default_factory=list)
    since_forgotten: int = 0

    def forget(self, before: float) -> None:
        del self.points[: bisect_left(self.points, before, key=_at)]
        self.since_forgotten = 0


class Metrics:
    """The data points of one account, in memory, for three hours."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._series: dict[Metric, _Series] = {}

    def put(self, metric: Metric, points: Iterable[Point]) -> None:
        """Take data points; they may come late and out of order."""
        with self._lock:
            series = self._series.setdefault(metric, _Series())
            for point in points:
                if series.points and point.at < series.points[-1].at:
                    insort(series.points, point, key=_at)
                else:
                    series.points.append(point)
                series.since_forgotten += 1
            if series.since_forgotten >= _FORGET_EVERY:
                series.forget(self.clock() - KEPT_SECONDS)

    def forget(self, before: float) -> None:
        """Forget the data points of before a moment, in seconds since the epoch."""
        with self._lock:
            for series in self._series.values():
                series.forget(before)

    def points(self, metric: Metric, after: float, until: float, unit: str | None = None) -> list[Point]:
        """Return the points later than `after` and not later than `until`, of that unit if one is given."""
        with self._lock:
            series = self._series.get(metric)
            if series is None:
                return []
            first = bisect_right(series.points, after, key=_at)
            last = bisect_right(series.points, until, key=_at)
            found = series.points[first:last]
        return [point for point in found if point.unit == unit] if unit else found

    def statistic(
        self, metric: Metric, name: str, after: float, until: float, unit: str | None = None
    ) -> float | None:
        """Return a statistic over the points of an interval; None where there are none."""
        return statistic_of(name, self.points(metric, after, until, unit))

    def known(self) -> list[Metric]:
        """Return the metrics that have data points."""
        with self._lock:
            return sorted(metric for metric, series in self._series.items() if series.points)


def _at(point: Point) -> float:
    return point.at
