"""Metric filters: they turn the lines that are put into a log group into data points."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from local.cloud.errors import AwsError
from local.monitoring.filter_pattern import Match, Select, parse_pattern
from local.monitoring.metrics import Metric, Metrics
from local.monitoring.statistics import Point

_DEFAULT_EVERY_SECONDS = 60.0
_MOST_DIMENSIONS = 3
_log = logging.getLogger(__name__)

Filter = Mapping[str, Any]


class MetricFilters:
    """Counts by the metric filters of one account's log groups."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._reported: dict[tuple[str, str], float] = {}

    def check(self, given: Filter) -> None:
        """Raise AwsError for a filter whose pattern or transformations are not served."""
        parse_pattern(given.get("filterPattern", ""))
        for transformation in given.get("metricTransformations", ()):
            value, dimensions = str(transformation["metricValue"]), transformation.get("dimensions", {})
            if not value.startswith("$") and _number(value) is None:
                raise _wrong(f"metricValue {value!r} is neither a number nor a field")
            if dimensions and transformation.get("defaultValue") is not None:
                raise _wrong("a metric with dimensions has no default value")
            if len(dimensions) > _MOST_DIMENSIONS:
                raise _wrong(f"a metric has {_MOST_DIMENSIONS} dimensions at most")

    def count(self, filters: Sequence[Filter], events: Sequence[Mapping[str, Any]]) -> None:
        """Take the lines that were put into a log group with these filters."""
        for each in filters:
            try:
                self._count(each, events)
            except AwsError as error:  # a filter that was put in another way than by PutMetricFilter
                _log.error("metric filter %s does not count: %s", each.get("filterName"), error)

    def _count(self, given: Filter, events: Sequence[Mapping[str, Any]]) -> None:
        matches = _parsed(given.get("filterPattern", ""))
        found = [
            (event.get("timestamp", self._metrics.clock() * 1000) / 1000, select)
            for event in events
            if (select := matches(str(event.get("message", "")))) is not None
        ]
        for transformation in given["metricTransformations"]:
            for at, select in found:
                self._put(transformation, at, select)
            self._report_default(given, transformation, matched=bool(found))

    def _put(self, transformation: Filter, at: float, select: Select) -> None:
        value = str(transformation["metricValue"])
        number = _number(select(value) if value.startswith("$") else value)
        dimensions = {name: select(field) for name, field in transformation.get("dimensions", {}).items()}
        # What has no number, or lacks a dimension, gives no data point.
        if number is None or any(found is None for found in dimensions.values()):
            return
        named = {name: str(found) for name, found in dimensions.items()}
        unit = transformation.get("unit", "None")
        self._metrics.put(_metric(transformation, named), [Point.of(at, number, 1.0, unit)])

    def _report_default(self, given: Filter, transformation: Filter, *, matched: bool) -> None:
        """Give the default value for a minute in which lines came, and none that matched."""
        if transformation.get("defaultValue") is None:
            return
        key = (given.get("logGroupName", ""), f"{given['filterName']}/{transformation['metricName']}")
        now = self._metrics.clock()
        if matched:
            self._reported[key] = now
        elif now - self._reported.get(key, -math.inf) >= _DEFAULT_EVERY_SECONDS:
            self._reported[key] = now
            point = Point.of(
                now, float(transformation["defaultValue"]), 1.0, transformation.get("unit", "None")
            )
            self._metrics.put(_metric(transformation, {}), [point])


@lru_cache(maxsize=256)
def _parsed(pattern: str) -> Match:
    return parse_pattern(pattern)


def _metric(transformation: Filter, dimensions: Mapping[str, str]) -> Metric:
    return Metric.of(transformation["metricNamespace"], transformation["metricName"], dimensions)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _wrong(why: str) -> AwsError:
    return AwsError("InvalidParameterException", f"Invalid metric transformation: {why}")
