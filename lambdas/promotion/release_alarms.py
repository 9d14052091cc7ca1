"""The alarms that guarded a release, as they are when it is recorded."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.promotion.workload import workload


def alarm_states(
    workloads: str, environment: str, deployed: Mapping[str, Any] | None, execution: str
) -> list[dict[str, Any]]:
    """Describe each alarm of a deployment; one that is gone or cannot be read says so.

    A role that was revoked is a reason for a promotion to fail, and none for its record to be missing.
    """
    names = [*(deployed or {}).get("alarms", ()), *(deployed or {}).get("ringing", ())]
    if not names:
        return []
    try:
        cloudwatch = workload(workloads, environment).enter(execution).client("cloudwatch")
        found = cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
    except (BotoCoreError, ClientError) as error:
        return [{"name": name, "state": "unread", "reason": str(error)} for name in names]
    by_name = {alarm["AlarmName"]: summary(alarm) for alarm in found}
    return [by_name.get(name, {"name": name, "state": "gone", "reason": ""}) for name in names]


def summary(alarm: Mapping[str, Any]) -> dict[str, Any]:
    """Keep of an alarm what it watches, its limit, and its state."""
    return {
        "name": alarm["AlarmName"],
        "state": alarm["StateValue"],
        "reason": alarm.get("StateReason", ""),
        "updated_at": alarm["StateUpdatedTimestamp"].isoformat(timespec="seconds"),
        "metric": alarm.get("MetricName") or alarm.get("AlarmDescription", ""),
        "comparison": alarm.get("ComparisonOperator", ""),
        "threshold": alarm.get("Threshold"),
    }
