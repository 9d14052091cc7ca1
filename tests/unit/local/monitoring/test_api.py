"""CloudWatch's operations, as a client calls them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.monitoring.alarms_api import AlarmsApi
from local.monitoring.metrics_api import MetricsApi

CALL = Call("1", "eu-west-1", "arn:aws:iam::1:user/a", "AKIA")
ARN = "arn:aws:cloudwatch:eu-west-1:1:alarm:"


def moment(station: Any, ago: float = 0.0) -> datetime:
    return datetime.fromtimestamp(station.now - ago, UTC)


def names(answer: dict[str, Any]) -> list[str]:
    return [alarm["AlarmName"] for alarm in answer["MetricAlarms"]]


def test_alarms_are_found_by_names_prefix_state_and_page(station: Any) -> None:
    api = AlarmsApi(station.alarms)
    for name in ("prod-errors", "prod-latency", "staging-errors"):
        station.alarm(name)
    station.alarms.set_state("prod-errors", "ALARM", "planted", "{}")
    everything = ["prod-errors", "prod-latency", "staging-errors"]
    assert names(api.describe_alarms(CALL)) == everything
    assert names(api.describe_alarms(CALL, AlarmNames=["prod-errors", "gone"])) == ["prod-errors"]
    assert names(api.describe_alarms(CALL, AlarmNamePrefix="prod")) == everything[:2]
    assert names(api.describe_alarms(CALL, StateValue="ALARM")) == ["prod-errors"]
    assert names(api.describe_alarms(CALL, AlarmTypes=["CompositeAlarm"])) == []
    first = api.describe_alarms(CALL, MaxRecords=2)
    assert names(api.describe_alarms(CALL, MaxRecords=2, NextToken=first["NextToken"])) == everything[2:]


def test_an_alarm_is_described_as_it_was_put(station: Any) -> None:
    station.alarm(Dimensions=[{"Name": "D", "Value": "v"}], AlarmActions=["arn:aws:sns:eu-west-1:1:t"])
    (found,) = AlarmsApi(station.alarms).describe_alarms(CALL, ActionPrefix="arn:aws:sns")["MetricAlarms"]
    assert (found["AlarmArn"], found["StateValue"]) == (ARN + "a", "INSUFFICIENT_DATA")
    assert found["Dimensions"] == [{"Name": "D", "Value": "v"}]
    assert (found["OKActions"], found["ActionsEnabled"]) == ([], True)
    assert (found["StateUpdatedTimestamp"], found["Threshold"]) == (moment(station), 10.0)


def test_what_iam_checks_a_call_against(station: Any) -> None:
    api = AlarmsApi(station.alarms)
    assert api.resource_arns(CALL, "PutMetricAlarm", {"AlarmName": "a"}) == [ARN + "a"]
    assert api.resource_arns(CALL, "DeleteAlarms", {"AlarmNames": ["a", "b"]}) == [ARN + "a", ARN + "b"]
    assert api.resource_arns(CALL, "DescribeAlarms", {"AlarmNames": ["a"]}) == [ARN + "*"]
    assert api.resource_arns(CALL, "ListTagsForResource", {"ResourceARN": ARN + "a"}) == [ARN + "a"]
    assert api.resource_arns(CALL, "PutMetricData", {"Namespace": "N"}) == ["*"]
    assert api.conditions("PutMetricData", {"Namespace": "N"}) == {"cloudwatch:namespace": "N"}


def test_tags_come_with_a_new_alarm_change_and_go_with_it(station: Any) -> None:
    api = AlarmsApi(station.alarms)
    for tag in ("first", "second"):  # a known alarm keeps its tags
        api.put_metric_alarm(CALL, **station.settings(), Tags=[{"Key": "k", "Value": tag}])
    api.tag_resource(CALL, ResourceARN=ARN + "a", Tags=[{"Key": "more", "Value": "x"}])
    assert api.list_tags_for_resource(CALL, ResourceARN=ARN + "a")["Tags"] == [
        {"Key": "k", "Value": "first"},
        {"Key": "more", "Value": "x"},
    ]
    api.untag_resource(CALL, ResourceARN=ARN + "a", TagKeys=["k", "more", "gone"])
    assert api.list_tags_for_resource(CALL, ResourceARN=ARN + "a")["Tags"] == []
    api.delete_alarms(CALL, AlarmNames=["a"])
    with pytest.raises(AwsError, match="ResourceNotFoundException"):
        api.list_tags_for_resource(CALL, ResourceARN=ARN + "a")


def test_actions_are_switched_off_and_on(station: Any) -> None:
    api = AlarmsApi(station.alarms)
    station.alarm()
    for switch, enabled in ((api.disable_alarm_actions, False), (api.enable_alarm_actions, True)):
        switch(CALL, AlarmNames=["a", "gone"])
        assert station.alarms.find("a").alarm.settings["ActionsEnabled"] == enabled


def test_the_history_is_asked_for_by_alarm_kind_and_time(station: Any) -> None:
    api = AlarmsApi(station.alarms)
    station.alarm("a")
    station.now += 10
    station.alarm("b")
    station.alarms.set_state("b", "OK", "planted", "{}")

    def found(**asked: Any) -> list[tuple[str, str]]:
        items = api.describe_alarm_history(CALL, **asked)["AlarmHistoryItems"]
        return [(item["AlarmName"], item["HistoryItemType"]) for item in items]

    assert found() == [("b", "StateUpdate"), ("b", "ConfigurationUpdate"), ("a", "ConfigurationUpdate")]
    assert found(ScanBy="TimestampAscending") == found()[::-1]
    assert found(AlarmName="a") == found(EndDate=moment(station, 5)) == [("a", "ConfigurationUpdate")]
    assert found(HistoryItemType="StateUpdate") == [("b", "StateUpdate")]


def test_metric_data_are_put_in_each_form_and_read_by_period(station: Any) -> None:
    api, dimensions = MetricsApi(station.metrics), [{"Name": "D", "Value": "v"}]
    data: list[dict[str, Any]] = [
        {"Value": 2.0},
        {"Values": [1.0, 3.0], "Counts": [2.0, 1.0], "Timestamp": moment(station, 60)},
        {"StatisticValues": {"Sum": 9.0, "SampleCount": 2.0, "Minimum": 4.0, "Maximum": 5.0}},
    ]
    named = [{"MetricName": "m", "Dimensions": dimensions, **datum} for datum in data]
    api.put_metric_data(CALL, Namespace="N", MetricData=named)
    found = api.get_metric_statistics(
        CALL, Namespace="N", MetricName="m", Dimensions=dimensions, Period=60,
        Statistics=["Sum", "SampleCount"], ExtendedStatistics=["p50"],
        StartTime=moment(station, 600), EndTime=moment(station, -60),
    )["Datapoints"]  # fmt: skip
    assert [(point["Sum"], point["SampleCount"]) for point in found] == [(5.0, 3.0), (11.0, 3.0)]
    assert found[0]["ExtendedStatistics"] == {"p50": 1.0}
    assert "ExtendedStatistics" not in found[1]
    assert [point["Timestamp"].timestamp() % 60 for point in found] == [0, 0]
    assert api.list_metrics(CALL, Dimensions=[{"Name": "D"}])["Metrics"] == [
        {"Namespace": "N", "MetricName": "m", "Dimensions": dimensions}
    ]
    for other in ({"Namespace": "O"}, {"MetricName": "o"}, {"Dimensions": [{"Name": "D", "Value": "w"}]}):
        assert api.list_metrics(CALL, **other)["Metrics"] == []


def test_data_and_what_is_computed_of_them_come_together(station: Any) -> None:
    api = MetricsApi(station.metrics)
    for ago, value in ((70, 3.0), (10, 5.0)):
        station.put("m", value, ago=ago)
    queries = [
        {**station.stat("m1", "m", "Sum"), "ReturnData": True, "Label": "all"},
        {"Id": "twice", "Expression": "m1 * 2"},
        {"Id": "hidden", "Expression": "m1", "ReturnData": False},
    ]
    span = {"StartTime": moment(station, 300), "EndTime": moment(station, -60)}
    first, twice = api.get_metric_data(CALL, MetricDataQueries=queries, **span)["MetricDataResults"]
    assert (first["Id"], first["Label"], first["Values"]) == ("m1", "all", [5.0, 3.0])
    assert twice["Values"] == [10.0, 6.0]
    ascending = api.get_metric_data(CALL, MetricDataQueries=queries, ScanBy="TimestampAscending", **span)
    assert ascending["MetricDataResults"][0]["Values"] == [3.0, 5.0]


@pytest.mark.parametrize(
    ("namespace", "datum", "why"),
    [
        ("AWS/SageMaker", {"Value": 1.0}, "is reserved"),
        ("N", {}, "Value, Values or StatisticValues is needed"),
        ("N", {"Values": [1.0], "Counts": [1.0, 2.0]}, "same length"),
        ("N", {"Value": float("nan")}, "is not a finite number"),
    ],
)
def test_data_that_are_none_are_refused(
    station: Any, namespace: str, datum: dict[str, Any], why: str
) -> None:
    with pytest.raises(AwsError, match=why):
        MetricsApi(station.metrics).put_metric_data(
            CALL, Namespace=namespace, MetricData=[{"MetricName": "m", **datum}]
        )
    assert station.metrics.known() == []
