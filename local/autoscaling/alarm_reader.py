"""The alarms of CloudWatch whose actions are scaling policies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from local.autoscaling.book import Book
from local.autoscaling.resource import Resource
from local.autoscaling.wishes import Ringing
from local.cloud.errors import AwsError
from local.monitoring import monitoring_of

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud


class AlarmReader:
    """Finds the alarms in ALARM that a resource's policies answer to."""

    def __init__(self, cloud: LocalCloud, book: Book) -> None:
        self._cloud, self._book = cloud, book

    def listen(self) -> None:
        """Let alarms have policies as their actions."""
        if found := monitoring_of(self._cloud):
            found.on_action("arn:aws:autoscaling:", self._check)

    def _check(self, action: str, alarm: str, state: str, breach: float | None) -> None:
        """Raise, for the alarm's history, if its action is no policy; what rings is read by the scaler."""
        if not any(policy.arn == action for policy in self._book.policies()):
            raise AwsError("ObjectNotFoundException", f"No scaling policy found with ARN {action}")

    def ringing(self, resource: Resource) -> Iterator[Ringing]:
        """Give them with the value of their newest period; one without a data point says nothing."""
        found = monitoring_of(self._cloud)
        policies = {policy.arn: policy for policy in self._book.policies_of(resource)}
        if found is None or not policies:
            return
        at = found.metrics.clock()
        for watch in found.alarms.watches():
            settings, alarm = watch.alarm.settings, watch.alarm
            if watch.verdict.state != "ALARM" or not settings.get("ActionsEnabled", True):
                continue
            value = alarm.value(found.metrics, at - alarm.period, at)
            for action in settings.get("AlarmActions", ()):
                if action in policies and value is not None:
                    yield Ringing(alarm.name, value, alarm.threshold, policies[action])
