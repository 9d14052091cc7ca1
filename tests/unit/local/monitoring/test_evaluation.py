"""Which state the periods of an alarm give it."""

from __future__ import annotations

from typing import Any

import pytest

from local.cloud.errors import AwsError
from local.monitoring.alarm import alarm_of

_LETTERS = {"X": 11.0, "0": 1.0, "-": None}


# The first letter is the oldest period: X breaches, 0 does not, - has no data point.
@pytest.mark.parametrize(
    ("periods", "to_alarm", "missing", "expected"),
    [
        ("X", 1, "missing", "ALARM"),
        ("0", 1, "missing", "OK"),
        ("-", 1, "missing", "INSUFFICIENT_DATA"),
        ("-", 1, "notBreaching", "OK"),
        ("-", 1, "breaching", "ALARM"),
        ("-", 1, "ignore", "kept"),
        ("XXX", 3, "missing", "ALARM"),
        ("XX0", 3, "missing", "OK"),
        ("0XX", 3, "missing", "OK"),
        ("0XX", 2, "missing", "ALARM"),
        ("XX-", 2, "notBreaching", "ALARM"),
        ("X0-", 2, "breaching", "ALARM"),
        ("X0-", 2, "notBreaching", "OK"),
        ("00-", 2, "breaching", "OK"),
        ("---", 3, "missing", "INSUFFICIENT_DATA"),
        ("---", 3, "ignore", "kept"),
        ("X--", 3, "missing", "ALARM"),
        ("X--", 3, "ignore", "kept"),
        ("X--", 3, "notBreaching", "OK"),
        ("--X", 3, "missing", "OK"),
        ("-X-", 2, "missing", "ALARM"),
        ("0--", 3, "breaching", "OK"),
    ],
)
def test_periods_and_what_missing_ones_count_as_decide(
    station: Any, periods: str, to_alarm: int, missing: str, expected: str
) -> None:
    more = {"EvaluationPeriods": len(periods), "DatapointsToAlarm": to_alarm, "TreatMissingData": missing}
    station.alarm(**more)
    station.alarms.set_state("a", "OK" if expected == "ALARM" else "ALARM", "planted", "{}")
    for number, letter in enumerate(reversed(periods)):
        if (value := _LETTERS[letter]) is not None:
            station.put("m", value, ago=number * 60 + 30)
    assert station.state() == (expected if expected != "kept" else "ALARM")


@pytest.mark.parametrize(
    ("comparison", "breached"),
    [
        ("GreaterThanThreshold", [False, False, True]),
        ("GreaterThanOrEqualToThreshold", [False, True, True]),
        ("LessThanThreshold", [True, False, False]),
        ("LessThanOrEqualToThreshold", [True, True, False]),
    ],
)
def test_each_comparison(station: Any, comparison: str, breached: list[bool]) -> None:
    made = alarm_of(station.settings(ComparisonOperator=comparison))
    assert [made.breaches(value) for value in (9.0, 10.0, 11.0)] == breached


def test_an_alarm_watches_its_dimensions_and_no_others(station: Any) -> None:
    station.alarm(Dimensions=[{"Name": "EndpointName", "Value": "prod"}], TreatMissingData="notBreaching")
    station.put("m", 99.0)
    station.put("m", 99.0, EndpointName="staging")
    assert station.state() == "OK"
    station.put("m", 99.0, EndpointName="prod")
    assert station.state() == "ALARM"


def test_a_percentile_rings_for_the_slow_and_an_average_does_not(station: Any) -> None:
    station.put("m", *[5.0] * 90, *[50.0] * 10)
    station.alarm("p95", ExtendedStatistic="p95")
    station.alarm("average")
    assert (station.state("p95"), station.state("average")) == ("ALARM", "OK")


def test_metric_math_compares_with_what_was_registered_once_there_are_enough(station: Any) -> None:
    metrics = [
        station.stat("value", "empty"),
        station.stat("requests", "empty", "SampleCount"),
        {"Id": "drift", "Expression": "IF(requests >= 20, ABS(value - 0.45), 0)"},
    ]
    station.alarm(Metrics=metrics, Threshold=0.25, TreatMissingData="notBreaching")
    assert station.state() == "OK"
    station.put("empty", *[1.0] * 19)
    assert station.state() == "OK"
    station.put("empty", 1.0)
    assert station.state() == "ALARM"
    station.put("empty", *[0.0] * 20)
    assert station.state() == "OK"


def test_math_without_one_of_its_data_points_has_none(station: Any) -> None:
    metrics = [
        station.stat("value", "score"),
        station.stat("requests", "empty", "SampleCount"),
        {"Id": "drift", "Expression": "IF(requests >= 2, ABS(value - 0.9), 0)"},
    ]
    station.alarm(Metrics=metrics, Threshold=0.25)
    station.put("empty", 1.0, 1.0)
    assert station.state() == "INSUFFICIENT_DATA"


def test_expressions_are_computed_of_expressions(station: Any) -> None:
    metrics = [
        {"Id": "all", "Expression": "half * 2"},
        {"Id": "half", "Expression": "m1 / 2", "ReturnData": False},
        station.stat("m1", "m", "Sum"),
    ]
    station.alarm(Metrics=metrics)
    station.put("m", 6.0, 6.0)
    assert station.state() == "ALARM"


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"ThresholdMetricId": "t"}, "does not serve ThresholdMetricId"),
        ({"ComparisonOperator": "LessThanLowerThreshold"}, "LessThanLowerThreshold: it has no bands"),
        ({"EvaluateLowSampleCountPercentile": "ignore"}, "percentiles of few samples"),
        ({"TreatMissingData": "sometimes"}, "'sometimes' is not one of its values"),
        ({"Period": 45}, "Period 45 is not 10, 20, 30 or a multiple of 60"),
        ({"Period": 3600, "EvaluationPeriods": 4}, "keeps data points for 3 hours"),
        ({"DatapointsToAlarm": 2}, "DatapointsToAlarm 2 is not between 1 and EvaluationPeriods, 1"),
        ({"Statistic": "Average", "ExtendedStatistic": "p95"}, "Exactly one of Statistic"),
        ({"ExtendedStatistic": "tm90"}, "no statistic 'tm90'"),
        ({"Metrics": []}, "MetricName is required for an alarm on one metric"),
        ({"Metrics": [{"Id": "e", "Expression": "m1"}]}, "uses m1: not there"),
        ({"Metrics": [{"Id": "a", "Expression": "b"}, {"Id": "b", "Expression": "a"}]}, "not there"),
        ({"Metrics": [{"Id": "e", "Expression": "RATE(m1)"}]}, "RATE of 1 is not served"),
        ({"Metrics": [{"Id": "e"}]}, "either a MetricStat of this account or an Expression"),
        ({"Metrics": [{"Id": "e", "Expression": "1"}], "Dimensions": [{}]}, "together with Dimensions"),
    ],
)
def test_what_is_not_served_or_is_wrong_is_refused(station: Any, settings: dict[str, Any], why: str) -> None:
    with pytest.raises(AwsError, match=why) as refused:
        station.alarm(**settings)
    assert refused.value.code == "ValidationError"
    assert station.alarms.watches() == []


def test_two_results_or_none_are_refused(station: Any) -> None:
    for returned in (True, False):
        one, other = {**station.stat("a", "m"), "ReturnData": returned}, station.stat("b", "m")
        with pytest.raises(AwsError, match="Exactly one element"):
            station.alarm(Metrics=[one, {**other, "ReturnData": returned}])
