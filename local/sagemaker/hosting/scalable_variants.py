"""Application Auto Scaling's say in an endpoint: variants that are scalable targets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from local.autoscaling import scaling_of
from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.sagemaker.table import Record

if TYPE_CHECKING:
    from local.autoscaling.book import Target
    from local.cloud.server import LocalCloud

_NO_PERMISSION = (
    "An Application AutoScaling scalable target exists for a variant being deleted, and the IAM identity "
    "used to invoke DeleteEndpoint does not have application-autoscaling:DeregisterScalableTarget permission "
    "to deregister the scalable target."
)


class ScalableVariants:
    """Looks whether variants of an endpoint are registered."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud

    def before_update(self, call: Call, endpoint: Record, old: Record, new: Record) -> None:
        """Refuse to remove a registered variant or to change its instance type; its model may change."""
        types = {v["VariantName"]: v.get("InstanceType") for v in new["ProductionVariants"]}
        were = {v["VariantName"]: v.get("InstanceType") for v in old["ProductionVariants"]}
        registered = {target.resource.name for target in self._targets(endpoint)}
        if wrong := sorted(name for name in registered if types.get(name) != were.get(name)):
            message = (
                f'The variant(s) "{wrong}" must be deregistered as scalable targets with AWS Auto Scaling '
                "before they can be removed or have their instance type updated."
            )
            raise AwsError("ValidationException", message)

    def before_delete(self, call: Call, endpoint: Record) -> None:
        """Deregister the variants, with the caller's rights."""
        scaling = scaling_of(self._cloud)
        for target in self._targets(endpoint):
            context = {
                "application-autoscaling:service-namespace": "sagemaker",
                "application-autoscaling:scalable-dimension": target.resource.dimension,
            }
            try:
                action = "application-autoscaling:DeregisterScalableTarget"
                self._cloud.require(call, action, target.arn, context)
            except AwsError as error:
                raise AwsError("ValidationException", _NO_PERMISSION) from error
            if scaling:
                scaling.forget(target.resource)

    def describe(self, endpoint: Record) -> None:
        """Add nothing: an endpoint does not tell of its scaling."""

    def _targets(self, endpoint: Record) -> Iterable[Target]:
        scaling = scaling_of(self._cloud)
        return scaling.of_endpoint(endpoint["EndpointName"]) if scaling else ()
