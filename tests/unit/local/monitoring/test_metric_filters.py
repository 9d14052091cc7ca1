"""Data points out of the lines of a log."""

from __future__ import annotations

from typing import Any

import pytest

from local.cloud.errors import AwsError
from local.monitoring.metric_filters import MetricFilters
from local.monitoring.metrics import Metric


def metric_filter(pattern: str, value: str, **more: Any) -> dict[str, Any]:
    transformation = {"metricName": "m", "metricNamespace": "N", "metricValue": value, **more}
    named = {"filterName": "f", "logGroupName": "/g", "filterPattern": pattern}
    return {**named, "metricTransformations": [transformation]}


def lines(station: Any, *messages: str) -> list[dict[str, Any]]:
    return [{"timestamp": int((station.now - 1) * 1000), "message": message} for message in messages]


def statistics(station: Any, **dimensions: str) -> tuple[float | None, float | None]:
    metric = Metric.of("N", "m", dimensions)
    found = [station.metrics.statistic(metric, name, 0, station.now) for name in ("SampleCount", "Sum")]
    return found[0], found[1]


def test_a_field_s_value_counts_and_one_that_is_no_number_does_not(station: Any) -> None:
    filters = MetricFilters(station.metrics)
    given = metric_filter("[..., tag=ANSWER, empty, score]", "$score")
    filters.count(
        [given], lines(station, "x ANSWER 0 0.5", "ANSWER 0 0.75", "ANSWER 1 -", "other", "ANSWER 0 nan")
    )
    assert statistics(station) == (2, 1.25)


def test_a_constant_counts_lines(station: Any) -> None:
    MetricFilters(station.metrics).count(
        [metric_filter("ERROR", "1")], lines(station, "ERROR", "ok", "an ERROR")
    )
    assert statistics(station) == (2, 2)


def test_a_dimension_has_the_value_of_its_field(station: Any) -> None:
    given = metric_filter("{ $.bytes = * }", "$.bytes", dimensions={"Line": "$.line"})
    messages = ('{"bytes": 3, "line": "a"}', '{"bytes": 4, "line": "b"}', '{"bytes": 5}')
    MetricFilters(station.metrics).count([given], lines(station, *messages))
    assert (statistics(station, Line="a"), statistics(station, Line="b")) == ((1, 3), (1, 4))
    assert statistics(station) == (None, None)


def test_the_default_value_counts_once_for_a_minute_of_lines_that_do_not_match(station: Any) -> None:
    filters, given = MetricFilters(station.metrics), metric_filter("ERROR", "1", defaultValue=0)
    for _ in range(30):
        filters.count([given], lines(station, "fine"))
        station.now += 1
    assert statistics(station) == (1, 0)
    filters.count([given], lines(station, "ERROR"))
    station.now += 59
    filters.count([given], lines(station, "fine"))
    assert statistics(station) == (2, 1)
    station.now += 1
    filters.count([given], lines(station, "fine"))
    assert statistics(station) == (3, 1)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (metric_filter("[a", "1"), "\\] is missing"),
        (metric_filter("", "many"), "'many' is neither a number nor a field"),
        (metric_filter("", "1", dimensions={"A": "$.a"}, defaultValue=0.0), "has no default value"),
        (metric_filter("", "1", dimensions=dict.fromkeys("ABCD", "$.a")), "3 dimensions at most"),
    ],
)
def test_a_filter_that_is_not_served_is_refused(station: Any, given: dict[str, Any], why: str) -> None:
    with pytest.raises(AwsError, match=why) as refused:
        MetricFilters(station.metrics).check(given)
    assert refused.value.code == "InvalidParameterException"
