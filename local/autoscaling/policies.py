"""The operations on scaling policies and on what they did."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from local.autoscaling.alarm_reader import AlarmReader
from local.autoscaling.book import Activity, Book, Policy
from local.autoscaling.pages import page
from local.autoscaling.resource import Resource, refuse, resource_of
from local.autoscaling.tracking_alarms import TrackingAlarms, alarm_names, metric_source
from local.cloud.call import Call
from local.cloud.errors import AwsError

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

Answer = dict[str, Any]
_CONFIGS = {
    "TargetTrackingScaling": "TargetTrackingScalingPolicyConfiguration",
    "StepScaling": "StepScalingPolicyConfiguration",
}


class Policies:
    """Keeps policies; those that track a target get their alarms."""

    def __init__(self, cloud: LocalCloud, book: Book, alarms: TrackingAlarms, reader: AlarmReader) -> None:
        self._cloud, self._book, self._alarms, self._reader = cloud, book, alarms, reader

    def put_scaling_policy(self, call: Call, **request: Any) -> Answer:
        """Serve PutScalingPolicy."""
        resource, name = resource_of(request), request["PolicyName"]
        kind = request.get("PolicyType", "StepScaling")
        self._book.target(resource)
        self._reader.listen()
        config = _config(kind, request)
        old = self._book.find_policy(resource, name)
        if old and old.kind != kind:
            raise AwsError("ValidationException", f"Policy {name} is a {old.kind} policy: delete it first.")
        policy = old or Policy(resource, name, _arn(call, resource, name), kind, config)
        policy = replace(policy, config=config)
        policy = self._tracked(call, policy) if policy.tracks else policy
        self._book.put_policy(policy)
        return {"PolicyARN": policy.arn, "Alarms": _alarms(call, policy)}

    def _tracked(self, call: Call, policy: Policy) -> Policy:
        """Give the policy with its alarms, which the caller must be allowed to put."""
        source = metric_source(policy.resource, policy.config)
        others = [p for p in self._book.policies_of(policy.resource) if p.tracks and p.name != policy.name]
        if any(metric_source(other.resource, other.config) == source for other in others):
            raise AwsError(
                "ValidationException",
                "Only one TargetTrackingScaling policy for a given metric specification is allowed.",
            )
        high, low = (policy.high, policy.low) if policy.high else alarm_names(policy.resource)
        for name in (high, low):
            self._cloud.require(call, "cloudwatch:PutMetricAlarm", call.arn("cloudwatch", f"alarm:{name}"))
        self._alarms.put(source, policy.config["TargetValue"], (high, low), policy.arn)
        return replace(policy, high=high, low=low)

    def delete_scaling_policy(self, call: Call, **request: Any) -> Answer:
        """Serve DeleteScalingPolicy: the alarms of target tracking go too."""
        resource, name = resource_of(request), request["PolicyName"]
        found = self._book.find_policy(resource, name)
        for alarm in found.alarms if found else ():
            self._cloud.require(call, "cloudwatch:DeleteAlarms", call.arn("cloudwatch", f"alarm:{alarm}"))
        self._alarms.delete(self._book.remove_policy(resource, name).alarms)
        return {}

    def describe_scaling_policies(self, call: Call, **request: Any) -> Answer:
        """Serve DescribeScalingPolicies."""
        names = request.get("PolicyNames")
        found = [
            _described(call, policy)
            for policy in self._book.policies()
            if _asked_for(policy.resource, request) and (not names or policy.name in names)
        ]
        return page("ScalingPolicies", found, request)

    def describe_scaling_activities(self, call: Call, **request: Any) -> Answer:
        """Serve DescribeScalingActivities; what was not scaled is told only if asked for."""
        all_of_them = request.get("IncludeNotScaledActivities", False)
        found = [
            _told(activity)
            for activity in self._book.activities()
            if _asked_for(activity.resource, request) and (all_of_them or not activity.not_scaled)
        ]
        return page("ScalingActivities", found, request)


def _config(kind: str, request: Mapping[str, Any]) -> dict[str, Any]:
    if kind not in _CONFIGS:
        raise refuse(f"PolicyType {kind}, only {' and '.join(_CONFIGS)}")
    config: dict[str, Any] | None = request.get(_CONFIGS[kind])
    if not config:
        raise AwsError("ValidationException", f"{_CONFIGS[kind]} is missing for PolicyType {kind}.")
    if kind == "StepScaling":
        missing = [name for name in ("AdjustmentType", "StepAdjustments") if not config.get(name)]
        if missing:
            raise AwsError("ValidationException", f"{_CONFIGS[kind]}: {', '.join(missing)} missing.")
    elif config["TargetValue"] <= 0:
        raise AwsError("ValidationException", "TargetValue must be greater than 0.")
    return config


def _arn(call: Call, resource: Resource, name: str) -> str:
    return (
        f"arn:aws:autoscaling:{call.region}:{call.account}:scalingPolicy:{uuid.uuid4()}:"
        f"resource/sagemaker/{resource.id}:policyName/{name}"
    )


def _asked_for(resource: Resource, request: Mapping[str, Any]) -> bool:
    return (
        request["ServiceNamespace"] == "sagemaker"
        and request.get("ResourceId") in (None, resource.id)
        and request.get("ScalableDimension") in (None, resource.dimension)
    )


def _alarms(call: Call, policy: Policy) -> list[dict[str, str]]:
    return [
        {"AlarmName": name, "AlarmARN": call.arn("cloudwatch", f"alarm:{name}")} for name in policy.alarms
    ]


def _described(call: Call, policy: Policy) -> Answer:
    return {
        "PolicyARN": policy.arn,
        "PolicyName": policy.name,
        "ServiceNamespace": "sagemaker",
        "ResourceId": policy.resource.id,
        "ScalableDimension": policy.resource.dimension,
        "PolicyType": policy.kind,
        _CONFIGS[policy.kind]: policy.config,
        "Alarms": _alarms(call, policy),
        "CreationTime": policy.created,
    }


def _told(activity: Activity) -> Answer:
    told = {
        "ActivityId": activity.id,
        "ServiceNamespace": "sagemaker",
        "ResourceId": activity.resource.id,
        "ScalableDimension": activity.resource.dimension,
        "Description": activity.description,
        "Cause": activity.cause,
        "StartTime": activity.started,
        "EndTime": activity.ended,
        "StatusCode": activity.status,
        "StatusMessage": activity.message,
        "NotScaledReasons": [activity.not_scaled] if activity.not_scaled else None,
    }
    return {name: value for name, value in told.items() if value is not None}
