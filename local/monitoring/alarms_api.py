"""CloudWatch's operations on alarms."""

from __future__ import annotations

from typing import Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.monitoring.alarms import Alarms, HistoryItem, Watch
from local.monitoring.pages import page

_DESCRIBED = 100
_ON_ALL = ("DescribeAlarms", "DescribeAlarmHistory")
_ON_NAMES = ("DeleteAlarms", "EnableAlarmActions", "DisableAlarmActions")


class AlarmsApi:
    """Serves metric alarms; there are no composite ones."""

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms
        self._tags: dict[str, dict[str, str]] = {}

    def resource_arns(self, call: Call, operation: str, parameters: dict[str, Any]) -> list[str]:
        """Give the alarms that IAM checks the call against; what describes alarms is checked against all."""
        if operation in _ON_ALL:
            return [call.arn("cloudwatch", "alarm:*")]
        if operation in _ON_NAMES:
            return [call.arn("cloudwatch", f"alarm:{name}") for name in parameters["AlarmNames"]]
        if "ResourceARN" in parameters:
            return [parameters["ResourceARN"]]
        if "AlarmName" in parameters:
            return [call.arn("cloudwatch", f"alarm:{parameters['AlarmName']}")]
        return ["*"]

    def conditions(self, operation: str, parameters: dict[str, Any]) -> dict[str, str]:
        """Give CloudWatch's condition key."""
        return {"cloudwatch:namespace": parameters["Namespace"]} if operation == "PutMetricData" else {}

    def put_metric_alarm(self, call: Call, **request: Any) -> None:
        """Serve PutMetricAlarm; tags are for a new alarm, as with CloudWatch."""
        tags = request.pop("Tags", [])
        known = self._alarms.find(request["AlarmName"])
        self._alarms.put(request)
        if not known:
            self._tags[call.arn("cloudwatch", f"alarm:{request['AlarmName']}")] = {
                t["Key"]: t["Value"] for t in tags
            }

    def describe_alarms(self, call: Call, **request: Any) -> dict[str, Any]:
        """Serve DescribeAlarms; a name that no alarm has is passed over, as CloudWatch does."""
        for unserved in ("ChildrenOfAlarmName", "ParentsOfAlarmName"):
            if request.get(unserved):
                raise AwsError("ValidationError", f"The local CloudWatch serves no {unserved}")
        found = [watch for watch in self._alarms.watches() if _wanted(watch, request)]
        if "MetricAlarm" not in request.get("AlarmTypes", ["MetricAlarm"]):
            found = []
        size = request.get("MaxRecords", _DESCRIBED)
        watches, token = page(found, size, request.get("NextToken"))
        alarms = [_described(watch) for watch in watches]
        return {"MetricAlarms": alarms, "CompositeAlarms": [], "NextToken": token}

    def delete_alarms(self, call: Call, *, AlarmNames: list[str]) -> None:  # noqa: N803
        """Serve DeleteAlarms."""
        for name in AlarmNames:
            self._tags.pop(call.arn("cloudwatch", f"alarm:{name}"), None)
        self._alarms.delete(AlarmNames)

    def set_alarm_state(self, call: Call, **request: Any) -> None:
        """Serve SetAlarmState: the state holds until the alarm is evaluated, within a second."""
        data = request.get("StateReasonData", "{}")
        self._alarms.set_state(request["AlarmName"], request["StateValue"], request["StateReason"], data)

    def enable_alarm_actions(self, call: Call, *, AlarmNames: list[str]) -> None:  # noqa: N803
        """Serve EnableAlarmActions."""
        self._actions(AlarmNames, enabled=True)

    def disable_alarm_actions(self, call: Call, *, AlarmNames: list[str]) -> None:  # noqa: N803
        """Serve DisableAlarmActions."""
        self._actions(AlarmNames, enabled=False)

    def _actions(self, names: list[str], *, enabled: bool) -> None:
        for watch in filter(None, map(self._alarms.find, names)):
            self._alarms.put({**watch.alarm.settings, "ActionsEnabled": enabled})

    def tag_resource(self, call: Call, *, ResourceARN: str, Tags: list[dict[str, str]]) -> None:  # noqa: N803
        """Serve TagResource."""
        self._tagged(ResourceARN).update({tag["Key"]: tag["Value"] for tag in Tags})

    def untag_resource(self, call: Call, *, ResourceARN: str, TagKeys: list[str]) -> None:  # noqa: N803
        """Serve UntagResource."""
        for key in TagKeys:
            self._tagged(ResourceARN).pop(key, None)

    def list_tags_for_resource(self, call: Call, *, ResourceARN: str) -> dict[str, Any]:  # noqa: N803
        """Serve ListTagsForResource."""
        return {"Tags": [{"Key": k, "Value": v} for k, v in sorted(self._tagged(ResourceARN).items())]}

    def _tagged(self, arn: str) -> dict[str, str]:
        if arn not in self._tags:
            raise AwsError("ResourceNotFoundException", f"{arn} is no alarm", 404)
        return self._tags[arn]

    def describe_alarm_history(self, call: Call, **request: Any) -> dict[str, Any]:
        """Serve DescribeAlarmHistory, the latest first."""
        found = [
            item
            for item in self._alarms.history()
            if request.get("AlarmName", item.alarm) == item.alarm
            and request.get("HistoryItemType", item.kind) == item.kind
            and request.get("StartDate", item.at) <= item.at <= request.get("EndDate", item.at)
        ]
        if request.get("ScanBy") == "TimestampAscending":
            found.reverse()
        items, token = page(found, request.get("MaxRecords", _DESCRIBED), request.get("NextToken"))
        return {"AlarmHistoryItems": [_history_item(item) for item in items], "NextToken": token}


def _wanted(watch: Watch, request: dict[str, Any]) -> bool:
    name, settings = watch.alarm.name, watch.alarm.settings
    if "AlarmNames" in request and name not in request["AlarmNames"]:
        return False
    if not name.startswith(request.get("AlarmNamePrefix", "")):
        return False
    if request.get("StateValue", watch.verdict.state) != watch.verdict.state:
        return False
    actions = [
        arn
        for kind in ("OKActions", "AlarmActions", "InsufficientDataActions")
        for arn in settings.get(kind, ())
    ]
    prefix = request.get("ActionPrefix")
    return prefix is None or any(arn.startswith(prefix) for arn in actions)


def _described(watch: Watch) -> dict[str, Any]:
    actions = {"OKActions": [], "AlarmActions": [], "InsufficientDataActions": [], "ActionsEnabled": True}
    return {
        **actions,
        "Dimensions": [],
        **watch.alarm.settings,
        "AlarmArn": watch.arn,
        "AlarmConfigurationUpdatedTimestamp": watch.configured,
        "StateValue": watch.verdict.state,
        "StateReason": watch.verdict.reason,
        "StateReasonData": watch.verdict.data,
        "StateUpdatedTimestamp": watch.updated,
        "StateTransitionedTimestamp": watch.transitioned,
    }


def _history_item(item: HistoryItem) -> dict[str, Any]:
    return {
        "AlarmName": item.alarm,
        "AlarmType": "MetricAlarm",
        "Timestamp": item.at,
        "HistoryItemType": item.kind,
        "HistorySummary": item.summary,
        "HistoryData": item.data,
    }
