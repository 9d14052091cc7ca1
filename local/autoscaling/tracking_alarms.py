"""The two CloudWatch alarms of a target tracking policy."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local.autoscaling.resource import MetricSource, Resource, refuse
from local.cloud.errors import AwsError

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

SERVICE = "sagemaker.application-autoscaling.amazonaws.com"
PERIOD_SECONDS = 60
# AWS waits for 3 periods above and 15 below the target; here it is to be seen while somebody looks.
HIGH_PERIODS, LOW_PERIODS = 1, 2
# Below this share of the target there are too many.
_LOW_SHARE = 0.9


def metric_source(resource: Resource, config: Mapping[str, Any]) -> MetricSource:
    """Give the metric that a policy holds on its target; what is not served is refused by name."""
    predefined = config.get("PredefinedMetricSpecification", {})
    custom = config.get("CustomizedMetricSpecification", {})
    if bool(predefined) == bool(custom):
        raise AwsError("ValidationException", "Either a predefined or a customized metric must be given.")
    if predefined:
        asked = predefined["PredefinedMetricType"]
        if asked != resource.predefined:
            raise refuse(f"PredefinedMetricType {asked} for {resource.dimension}, only {resource.predefined}")
        return resource.metric()
    if custom.get("Metrics"):
        raise refuse("CustomizedMetricSpecification with Metrics (metric math)")
    missing = [name for name in ("Namespace", "MetricName", "Statistic") if name not in custom]
    if missing:
        raise AwsError("ValidationException", f"CustomizedMetricSpecification: {', '.join(missing)} missing.")
    dimensions = {item["Name"]: item["Value"] for item in custom.get("Dimensions", [])}
    return MetricSource(
        custom["Namespace"], custom["MetricName"], dimensions, custom["Statistic"], custom.get("Unit")
    )


def alarm_names(resource: Resource) -> tuple[str, str]:
    """Give names for the alarms of a new policy, high and low."""
    return (
        f"TargetTracking-{resource.id}-AlarmHigh-{uuid.uuid4()}",
        f"TargetTracking-{resource.id}-AlarmLow-{uuid.uuid4()}",
    )


class TrackingAlarms:
    """Puts and deletes the alarms, in the name of Application Auto Scaling."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self._client: Any = None

    def put(self, source: MetricSource, target: float, names: tuple[str, str], policy_arn: str) -> None:
        """Make the alarms of a policy, or change them."""
        sides = zip(
            names,
            ("GreaterThanThreshold", "LessThanThreshold"),
            (target, target * _LOW_SHARE),
            (HIGH_PERIODS, LOW_PERIODS),
            strict=True,
        )
        for name, comparison, threshold, periods in sides:
            unit = {"Unit": source.unit} if source.unit else {}
            self._cloudwatch().put_metric_alarm(
                AlarmName=name,
                AlarmDescription=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy_arn}.",
                AlarmActions=[policy_arn],
                Namespace=source.namespace,
                MetricName=source.name,
                Dimensions=[{"Name": k, "Value": v} for k, v in source.dimensions.items()],
                Statistic=source.statistic,
                Period=PERIOD_SECONDS,
                EvaluationPeriods=periods,
                Threshold=threshold,
                ComparisonOperator=comparison,
                **unit,
            )

    def delete(self, names: Sequence[str]) -> None:
        """Delete alarms; those that are gone are none."""
        for name in names:
            with suppress(ClientError):
                self._cloudwatch().delete_alarms(AlarmNames=[name])

    def _cloudwatch(self) -> Any:
        if self._client is None:
            actions = ["cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"]
            self._client = self._cloud.service_session(SERVICE, actions).client("cloudwatch")
        return self._client
