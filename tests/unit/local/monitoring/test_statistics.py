from __future__ import annotations

import numpy as np
import pytest

from local.cloud.errors import AwsError
from local.monitoring.metrics import KEPT_SECONDS, Metric, Metrics
from local.monitoring.statistics import Point, check_statistic, statistic_of

VALUES = [0.4, 3.0, 1.5, 9.0, 2.0, 2.0, 7.5]


@pytest.mark.parametrize("percent", [0, 10, 50, 95, 99.9, 100])
def test_a_percentile_is_that_of_numpy(percent: float) -> None:
    points = [Point.of(0, value) for value in VALUES]
    assert statistic_of(f"p{percent}", points) == pytest.approx(np.percentile(VALUES, percent))


def test_counted_values_weigh_as_often_as_they_were_seen() -> None:
    points = [Point.of(0, 1.0, 9), Point.of(0, 11.0, 1)]
    found = {name: statistic_of(name, points) for name in ("SampleCount", "Sum", "Average", "p50", "p95")}
    assert found == {"SampleCount": 10, "Sum": 20, "Average": 2, "p50": 1, "p95": pytest.approx(6.5)}


def test_sets_of_statistics_add_up_and_have_no_percentile() -> None:
    points = [Point(0, total=10, count=4, low=1, high=5), Point.of(0, 7.0)]
    assert (statistic_of("Minimum", points), statistic_of("Maximum", points)) == (1, 7)
    assert statistic_of("Average", points) == pytest.approx(17 / 5)
    assert statistic_of("p95", points) is None
    assert statistic_of("p95", [Point.of(0, -1.0)]) is None


def test_without_points_there_is_no_statistic() -> None:
    assert statistic_of("Sum", []) is None
    assert statistic_of("Average", [Point(0, 0, 0, 0, 0)]) is None


@pytest.mark.parametrize("name", ["Median", "p101", "tm90", "IQM", ""])
def test_another_statistic_is_refused(name: str) -> None:
    with pytest.raises(AwsError, match="has no statistic"):
        check_statistic(name)


def test_a_metric_is_known_by_all_its_dimensions() -> None:
    metrics = Metrics(lambda: 100.0)
    metrics.put(Metric.of("N", "m", {"A": "1", "B": "2"}), [Point.of(90, 1.0)])
    assert metrics.statistic(Metric.of("N", "m", {"B": "2", "A": "1"}), "Sum", 0, 100) == 1
    for other in ({}, {"A": "1"}, {"A": "1", "B": "3"}, {"A": "1", "B": "2", "C": ""}):
        assert metrics.statistic(Metric.of("N", "m", other), "Sum", 0, 100) is None


def test_an_interval_takes_its_end_and_not_its_start_and_late_points_too() -> None:
    metrics, metric = Metrics(lambda: 100.0), Metric.of("N", "m")
    metrics.put(metric, [Point.of(at, at) for at in (60, 90, 30, 60)])
    assert metrics.statistic(metric, "SampleCount", 30, 60) == 2
    assert metrics.statistic(metric, "Sum", 60, 100) == 90


def test_points_of_another_unit_do_not_count() -> None:
    metrics, metric = Metrics(lambda: 100.0), Metric.of("N", "m")
    metrics.put(metric, [Point.of(90, 1.0, unit="Count"), Point.of(90, 5.0, unit="None")])
    assert metrics.statistic(metric, "Sum", 0, 100, "Count") == 1
    assert metrics.statistic(metric, "Sum", 0, 100) == 6


def test_what_is_older_than_three_hours_is_forgotten() -> None:
    metrics, metric = Metrics(lambda: KEPT_SECONDS + 500), Metric.of("N", "m")
    metrics.put(metric, [Point.of(at, 1.0) for at in range(1000)])
    assert metrics.statistic(metric, "SampleCount", -1, 10_000) == 500
