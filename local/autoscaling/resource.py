"""What can be scaled: the instances of an endpoint's variant, the copies of an inference component."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from local.cloud.errors import AwsError

VARIANT = "sagemaker:variant:DesiredInstanceCount"
COMPONENT = "sagemaker:inference-component:DesiredCopyCount"
_NAME = r"[a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62}"
_VARIANT_ID = re.compile(rf"endpoint/({_NAME})/variant/({_NAME})")
_COMPONENT_ID = re.compile(rf"inference-component/({_NAME})")
_METRICS = "AWS/SageMaker"


@dataclass(frozen=True)
class Capacity:
    """How many there are to be, and whether that can be changed now."""

    desired: int
    changeable: bool


@dataclass(frozen=True)
class MetricSource:
    """A metric and the statistic of a minute of it that is compared with a target."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str
    unit: str | None = None


class Resource(Protocol):
    """One scalable resource; `client` is a SageMaker client."""

    @property
    def name(self) -> str:
        """The variant's or the component's name."""

    @property
    def id(self) -> str:
        """The ResourceId."""

    @property
    def arn_part(self) -> str:
        """The resource of its ARN."""

    least: ClassVar[int]
    noun: ClassVar[str]
    dimension: ClassVar[str]
    actions: ClassVar[tuple[str, ...]]
    predefined: ClassVar[str]

    def read(self, client: Any) -> Capacity:
        """Give the capacity; ClientError where the resource is not there."""

    def write(self, client: Any, capacity: int) -> None:
        """Ask for another capacity."""

    def metric(self) -> MetricSource:
        """Give the predefined metric."""


@dataclass(frozen=True)
class Variant:
    """The instances of an endpoint's production variant."""

    endpoint: str
    name: str
    least: ClassVar[int] = 1
    noun: ClassVar[str] = "instance"
    dimension: ClassVar[str] = VARIANT
    actions: ClassVar[tuple[str, ...]] = (
        "sagemaker:DescribeEndpoint",
        "sagemaker:UpdateEndpointWeightsAndCapacities",
    )
    predefined: ClassVar[str] = "SageMakerVariantInvocationsPerInstance"

    @property
    def id(self) -> str:
        """The ResourceId."""
        return f"endpoint/{self.endpoint}/variant/{self.name}"

    @property
    def arn_part(self) -> str:
        """The resource of its ARN."""
        return f"endpoint/{self.endpoint.lower()}"

    def read(self, client: Any) -> Capacity:
        """Give the capacity; ClientError where there is no such endpoint, AwsError no such variant."""
        endpoint = client.describe_endpoint(EndpointName=self.endpoint)
        for variant in endpoint.get("ProductionVariants", []):
            if variant["VariantName"] == self.name:
                return Capacity(variant["DesiredInstanceCount"], endpoint["EndpointStatus"] == "InService")
        raise AwsError("ValidationException", f"Endpoint {self.endpoint} has no variant {self.name}.")

    def write(self, client: Any, capacity: int) -> None:
        """Ask for another capacity."""
        wanted = {"VariantName": self.name, "DesiredInstanceCount": capacity}
        client.update_endpoint_weights_and_capacities(
            EndpointName=self.endpoint, DesiredWeightsAndCapacities=[wanted]
        )

    def metric(self) -> MetricSource:
        """Give the predefined metric."""
        dimensions = {"EndpointName": self.endpoint, "VariantName": self.name}
        return MetricSource(_METRICS, "InvocationsPerInstance", dimensions, "Sum")


@dataclass(frozen=True)
class Component:
    """The copies of an inference component."""

    name: str
    least: ClassVar[int] = 0
    noun: ClassVar[str] = "copy"
    dimension: ClassVar[str] = COMPONENT
    actions: ClassVar[tuple[str, ...]] = (
        "sagemaker:DescribeInferenceComponent",
        "sagemaker:UpdateInferenceComponentRuntimeConfig",
    )
    predefined: ClassVar[str] = "SageMakerInferenceComponentInvocationsPerCopy"

    @property
    def id(self) -> str:
        """The ResourceId."""
        return f"inference-component/{self.name}"

    @property
    def arn_part(self) -> str:
        """The resource of its ARN."""
        return self.id

    def read(self, client: Any) -> Capacity:
        """Give the capacity; ClientError where there is no such component."""
        component = client.describe_inference_component(InferenceComponentName=self.name)
        ready = component["InferenceComponentStatus"] == "InService"
        return Capacity(component["RuntimeConfig"]["DesiredCopyCount"], ready)

    def write(self, client: Any, capacity: int) -> None:
        """Ask for another capacity."""
        client.update_inference_component_runtime_config(
            InferenceComponentName=self.name, DesiredRuntimeConfig={"CopyCount": capacity}
        )

    def metric(self) -> MetricSource:
        """Give the predefined metric."""
        return MetricSource(_METRICS, "InvocationsPerCopy", {"InferenceComponentName": self.name}, "Sum")


def resource_of(request: Mapping[str, Any]) -> Resource:
    """Read what a request is about; what is not served is refused by name."""
    if request["ServiceNamespace"] != "sagemaker":
        raise refuse(f"the service namespace {request['ServiceNamespace']}, only sagemaker")
    dimension, identity = request["ScalableDimension"], request["ResourceId"]
    if dimension == VARIANT and (found := _VARIANT_ID.fullmatch(identity)):
        return Variant(found[1], found[2])
    if dimension == COMPONENT and (found := _COMPONENT_ID.fullmatch(identity)):
        return Component(found[1])
    if dimension in (VARIANT, COMPONENT):
        raise AwsError("ValidationException", f"Unsupported resource ID {identity} for {dimension}.")
    raise refuse(f"the scalable dimension {dimension}, only {VARIANT} and {COMPONENT}")


def refuse(what: str) -> AwsError:
    """Give the error for what AWS would take and this machine does not do."""
    return AwsError("ValidationException", f"the local Application Auto Scaling does not serve {what}")
