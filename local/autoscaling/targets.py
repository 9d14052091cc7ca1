"""The operations on scalable targets and their tags."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local.autoscaling.book import Book, Target
from local.autoscaling.pages import page
from local.autoscaling.resource import Resource, Variant, resource_of
from local.autoscaling.scaler import Scaler
from local.autoscaling.tracking_alarms import SERVICE, TrackingAlarms
from local.cloud.call import Call
from local.cloud.errors import AwsError

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

Answer = dict[str, Any]
_ROLE = f"role/aws-service-role/{SERVICE}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"


class Targets:
    """Registers what may be scaled."""

    def __init__(self, cloud: LocalCloud, book: Book, scaler: Scaler, alarms: TrackingAlarms) -> None:
        self._cloud, self._book, self._scaler, self._alarms = cloud, book, scaler, alarms
        self._has_role = False

    def register_scalable_target(self, call: Call, **request: Any) -> Answer:
        """Serve RegisterScalableTarget; the caller needs the resource's own permissions too."""
        resource = resource_of(request)
        old = self._book.find(resource)
        least, most = _bounds(request, old, resource)
        for action in resource.actions:
            self._cloud.require(call, action, call.arn("sagemaker", resource.arn_part))
        self._link_role(call)
        self._check_there(resource)
        target = old or Target(
            resource,
            call.arn("application-autoscaling", f"scalable-target/{uuid.uuid4().hex}"),
            f"arn:aws:iam::{call.account}:{_ROLE}",
            least,
            most,
        )
        suspended = {**target.suspended, **request.get("SuspendedState", {})}
        tags = request.get("Tags", target.tags)
        self._book.put_target(replace(target, least=least, most=most, suspended=suspended, tags=tags))
        self._scaler.check_bounds(resource)
        return {"ScalableTargetARN": target.arn}

    def _link_role(self, call: Call) -> None:
        """The first registration in an account makes the service-linked role, with the caller's rights."""
        if not self._has_role:
            context = {"iam:AWSServiceName": SERVICE}
            role = f"arn:aws:iam::{call.account}:{_ROLE}"
            self._cloud.require(call, "iam:CreateServiceLinkedRole", role, context)
            self._has_role = True

    def _check_there(self, resource: Resource) -> None:
        try:
            self._scaler.read(resource)
        except ClientError as error:
            raise AwsError("ValidationException", error.response["Error"]["Message"]) from error

    def deregister_scalable_target(self, call: Call, **request: Any) -> Answer:
        """Serve DeregisterScalableTarget: its policies and their alarms go too."""
        resource = resource_of(request)
        self._book.target(resource)
        for policy in self._book.policies_of(resource):
            for name in policy.alarms:
                self._cloud.require(call, "cloudwatch:DeleteAlarms", call.arn("cloudwatch", f"alarm:{name}"))
        self.forget(resource)
        return {}

    def forget(self, resource: Resource) -> None:
        """Take a target away, whoever asked for it."""
        for policy in self._book.remove_target(resource):
            self._alarms.delete(policy.alarms)

    def of_endpoint(self, name: str) -> list[Target]:
        """Give the targets that are variants of an endpoint."""
        return [
            target
            for target in self._book.targets()
            if isinstance(target.resource, Variant) and target.resource.endpoint.lower() == name.lower()
        ]

    def describe_scalable_targets(self, call: Call, **request: Any) -> Answer:
        """Serve DescribeScalableTargets."""
        ids, dimension = request.get("ResourceIds"), request.get("ScalableDimension")
        found = [
            _described(target)
            for target in self._book.targets()
            if request["ServiceNamespace"] == "sagemaker"
            and (not ids or target.resource.id in ids)
            and dimension in (None, target.resource.dimension)
        ]
        return page("ScalableTargets", found, request)

    def tag_resource(self, call: Call, *, ResourceARN: str, Tags: dict[str, str]) -> Answer:  # noqa: N803
        """Serve TagResource."""
        self._book.retag(ResourceARN, {**self._book.target_of_arn(ResourceARN).tags, **Tags})
        return {}

    def untag_resource(self, call: Call, *, ResourceARN: str, TagKeys: list[str]) -> Answer:  # noqa: N803
        """Serve UntagResource."""
        tags = self._book.target_of_arn(ResourceARN).tags
        self._book.retag(ResourceARN, {key: value for key, value in tags.items() if key not in TagKeys})
        return {}

    def list_tags_for_resource(self, call: Call, *, ResourceARN: str) -> Answer:  # noqa: N803
        """Serve ListTagsForResource."""
        return {"Tags": dict(self._book.target_of_arn(ResourceARN).tags)}


def _bounds(request: Mapping[str, Any], old: Target | None, resource: Resource) -> tuple[int, int]:
    least = request.get("MinCapacity", old.least if old else None)
    most = request.get("MaxCapacity", old.most if old else None)
    if least is None or most is None:
        message = "MinCapacity and MaxCapacity are required to register a new scalable target."
        raise AwsError("ValidationException", message)
    if least > most:
        message = f"Maximum capacity {most} cannot be less than minimum capacity {least}."
        raise AwsError("ValidationException", message)
    if least < resource.least:
        message = f"Minimum capacity {least} cannot be less than {resource.least} for {resource.dimension}."
        raise AwsError("ValidationException", message)
    return least, most


def _described(target: Target) -> Answer:
    words = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": target.resource.id,
        "ScalableDimension": target.resource.dimension,
        "MinCapacity": target.least,
        "MaxCapacity": target.most,
        "RoleARN": target.role_arn,
        "CreationTime": target.created,
        "SuspendedState": {word: target.suspended.get(word, False) for word in words},
        "ScalableTargetARN": target.arn,
    }
