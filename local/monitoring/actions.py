"""What happens when an alarm changes its state: an event, and a message to the topics of the new state."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from local.cloud.errors import AwsError
from local.cloud.ministack_monitoring import service_may
from local.monitoring.alarm import Alarm
from local.monitoring.alarms import Change

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

_SERVICE = "cloudwatch.amazonaws.com"
_ACTIONS_OF = {
    "OK": "OKActions",
    "ALARM": "AlarmActions",
    "INSUFFICIENT_DATA": "InsufficientDataActions",
}
# Of the alarm's settings, what its message has.
_TOLD = (
    "Period", "EvaluationPeriods", "DatapointsToAlarm", "ComparisonOperator", "Threshold", "TreatMissingData",
    "MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Metrics",
)  # fmt: skip
_NO_KEY = "CloudWatch Alarms does not have authorization to access the SNS topic encryption key."
_LONGEST_SUMMARY, _LONGEST_ERROR = 255, 2000
_log = logging.getLogger(__name__)

# Runs an alarm action by its ARN: the action, the alarm, its state, how far it is above the threshold.
Run = Callable[[str, str, str, float | None], None]
Note = Callable[[str, str, str, str], None]  # alarm, kind, summary, data


class Actions:
    """Tells EventBridge and SNS of changes, off the thread that found them and in their order.

    A topic must let CloudWatch publish and, if it is encrypted, so must the key's policy, as on AWS. What is
    not delivered stands in the alarm's history. `runners`, by the beginning of an action's ARN, do what is no
    message; while an alarm rings they are run again each minute, as CloudWatch repeats scaling.
    """

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self.runners: dict[str, Run] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="alarm actions")
        self._publishers: dict[str, Any] = {}

    def act(self, change: Change, note: Note) -> None:
        """Tell of a change; `note` adds to the alarm's history what became of the actions."""
        self._thread.submit(self._act, change, note)

    def close(self) -> None:
        """Tell of no more."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _act(self, change: Change, note: Note) -> None:
        repeated = change.old is change.new
        if not repeated:
            self._emit(change)
        settings = change.alarm.settings
        if not settings.get("ActionsEnabled", True):
            return
        for action in settings.get(_ACTIONS_OF[change.new.state], ()):
            run = next((run for start, run in self.runners.items() if action.startswith(start)), None)
            if run is not None:
                self._run(run, action, change, note)
            elif not repeated:
                self._notify(action, change, note)

    def _emit(self, change: Change) -> None:
        detail = _event_detail(change)
        try:
            self._cloud.emit("aws.cloudwatch", "CloudWatch Alarm State Change", detail, [change.arn])
        except Exception:
            _log.exception("%s: the change of state is no event", change.alarm.name)

    def _run(self, run: Run, action: str, change: Change, note: Note) -> None:
        name = change.alarm.name
        try:
            run(action, name, change.new.state, change.new.breach)
        except Exception as error:
            note(name, "Action", *_failed(action, str(error)))
            _log.exception("alarm %s: %s failed", name, action)
        else:
            note(name, "Action", *_done(action))

    def _notify(self, topic: str, change: Change, note: Note) -> None:
        name = change.alarm.name
        try:
            message = json.dumps(_message(change, self._cloud.account, self._cloud.region))
            self._publish(topic, change, message)
        except (AwsError, ClientError, BotoCoreError) as error:
            why = error.message if isinstance(error, AwsError) else str(error)
            note(name, "Action", *_failed(topic, why))
            _log.error("alarm %s: %s was not notified: %s", name, topic, why)
        else:
            note(name, "Action", *_done(topic))

    def _publish(self, topic: str, change: Change, message: str) -> None:
        region, account = topic.split(":")[3:5]
        home = self._cloud.accounts.get(account)
        if home is None or region != self._cloud.region:
            raise AwsError("InvalidParameter", f"{topic} is not in an account and the region of this cloud")
        self._check_policies(home, topic, change.arn)
        if account not in self._publishers:
            session = home.service_session(_SERVICE, ["sns:Publish"])
            self._publishers[account] = session.client("sns")
        subject = f'{change.new.state}: "{change.alarm.name}" in {self._cloud.region}'[:100]
        self._publishers[account].publish(TopicArn=topic, Message=message, Subject=subject)

    def _check_policies(self, home: LocalCloud, topic: str, alarm_arn: str) -> None:
        """Raise AwsError unless the topic's policy, and that of the key it is encrypted with, let us in."""
        session = home.root_session()
        attributes = session.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
        context = {
            "aws:SourceArn": alarm_arn,
            "aws:SourceAccount": self._cloud.account,
            "aws:SourceOwner": self._cloud.account,
        }
        region = self._cloud.region
        if not service_may(_SERVICE, "sns:Publish", topic, attributes.get("Policy", ""), region, context):
            raise AwsError(
                "AuthorizationError",
                f"Resource: {alarm_arn} is not authorized to perform: SNS:Publish on resource: {topic} "
                "because no resource-based policy allows the SNS:Publish action",
            )
        key = attributes.get("KmsMasterKeyId")
        if key and not self._may_encrypt(session.client("kms"), key, context):
            raise AwsError("KMSAccessDenied", _NO_KEY)

    def _may_encrypt(self, keys: Any, key: str, context: Mapping[str, str]) -> bool:
        if key.endswith("alias/aws/sns"):
            return False  # the policy of SNS's own key names no other service, and nobody can change it
        found = keys.describe_key(KeyId=key)["KeyMetadata"]
        policy = keys.get_key_policy(KeyId=found["KeyId"], PolicyName="default")["Policy"]
        return all(
            service_may(_SERVICE, action, found["Arn"], policy, self._cloud.region, context)
            for action in ("kms:Decrypt", "kms:GenerateDataKey")
        )


def _done(action: str) -> tuple[str, str]:
    data = {"actionState": "Succeeded", "notificationResource": action}
    return f"Successfully executed action {action}"[:_LONGEST_SUMMARY], json.dumps(data)


def _failed(action: str, why: str) -> tuple[str, str]:
    data = {"actionState": "Failed", "notificationResource": action, "error": why[:_LONGEST_ERROR]}
    return f"Failed to execute action {action}"[:_LONGEST_SUMMARY], json.dumps(data)


def _event_detail(change: Change) -> dict[str, Any]:
    alarm = change.alarm
    return {
        "alarmName": alarm.name,
        "configuration": {
            "description": alarm.settings.get("AlarmDescription", ""),
            "metrics": _metrics(alarm),
        },
        "state": _state(change.new.state, change.new.reason, change.new.data, change.at),
        "previousState": _state(change.old.state, change.old.reason, change.old.data, change.old_at),
    }


def _state(value: str, reason: str, data: str, at: datetime) -> dict[str, str]:
    return {"value": value, "reason": reason, "reasonData": data, "timestamp": _moment(at)}


def _metrics(alarm: Alarm) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "id": name,
            "metricStat": {
                "metric": {
                    "namespace": watched.metric.namespace,
                    "name": watched.metric.name,
                    "dimensions": dict(watched.metric.dimensions),
                },
                "period": alarm.period,
                "stat": watched.statistic,
            },
            "returnData": name == alarm.result,
        }
        for name, watched in alarm.watched.items()
    ]
    return found + [
        {"id": name, "expression": expression.text, "returnData": name == alarm.result}
        for name, expression in alarm.expressions.items()
    ]


def _message(change: Change, account: str, region: str) -> dict[str, Any]:
    settings = change.alarm.settings
    dimensions = [{"name": item["Name"], "value": item["Value"]} for item in settings.get("Dimensions", ())]
    trigger = {name: settings[name] for name in _TOLD if name in settings}
    return {
        "AlarmName": change.alarm.name,
        "AlarmDescription": settings.get("AlarmDescription"),
        "AWSAccountId": account,
        "NewStateValue": change.new.state,
        "NewStateReason": change.new.reason,
        "StateChangeTime": _moment(change.at),
        "Region": region,
        "AlarmArn": change.arn,
        "OldStateValue": change.old.state,
        "OKActions": settings.get("OKActions", []),
        "AlarmActions": settings.get("AlarmActions", []),
        "InsufficientDataActions": settings.get("InsufficientDataActions", []),
        "Trigger": {**trigger, "Dimensions": dimensions} if dimensions else trigger,
    }


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
