"""What inference components are to their endpoint: what answers its requests, what keeps it alive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.monitoring import monitoring_of
from local.sagemaker.components.copies import Copies
from local.sagemaker.components.operations import ComponentOperations
from local.sagemaker.hosting.hosting_variant import is_hosting
from local.sagemaker.hosting.instance import Instance
from local.sagemaker.hosting.models import EndpointConfigs
from local.sagemaker.hosting.variant import Variant
from local.sagemaker.table import Record

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

_NAME_MISSING = (
    "Inference Component Name header is required for endpoints to which you plan to deploy inference "
    "components. Please include Inference Component Name header or consider using SageMaker models."
)
_NAME_GIVEN = (
    "Inference Component Name header is not allowed for endpoints to which you dont plan to deploy inference "
    "components. Please remove the Inference Component Name header and try again."
)
_NO_CAPACITY = (
    "Inference Component has no capacity to process this request. ApplicationAutoScaling may be in-progress "
    "(if configured) or try to increase the capacity by invoking UpdateInferenceComponentRuntimeConfig API."
)


@dataclass(kw_only=True)
class HostedComponent(Variant):
    """A component as the variant that a request to it goes to."""

    component: str
    copies: Copies

    def take(self) -> Instance | None:
        """Give a healthy copy that is held until its `release`, None where there is none."""
        while True:
            copies = self.copies.all
            self.instances = [copy.instance for copy in copies]
            taken = super().take()
            # Copies that went between the choice and the hold: the places of theirs are taken already.
            if taken or copies is self.copies.all:
                return taken


class InferenceComponents:
    """Finds what a request is for, and has its say in the endpoints that host components."""

    def __init__(self, cloud: LocalCloud, components: ComponentOperations, configs: EndpointConfigs) -> None:
        self._cloud, self._components, self._configs = cloud, components, configs

    def asked_for(self, config: Mapping[str, Any], request: Mapping[str, Any]) -> HostedComponent | None:
        """Give what answers a request to an endpoint of this configuration, None where a variant does."""
        name = request.get("InferenceComponentName")
        hosts = {v["VariantName"]: v for v in config["ProductionVariants"] if is_hosting(v)}
        if name and not hosts:
            raise AwsError("ValidationError", _NAME_GIVEN)
        if not hosts:
            return None
        if not name:
            raise AwsError("ValidationError", _NAME_MISSING)
        hosted = self._components.of(request["EndpointName"])
        found = [component for component in hosted if component["InferenceComponentName"] == name]
        if not found:
            account = self._cloud.account
            message = f"Inference Component {name} of account {account} not found."
            raise AwsError("ValidationError", message)
        copies, variant = self._components.copies(name), found[0]["VariantName"]
        if not copies.count:
            self._count_failure(name)
            raise AwsError("ValidationError", _NO_CAPACITY)
        return HostedComponent(variant, 1.0, {}, hosts[variant], component=name, copies=copies)

    def _count_failure(self, name: str) -> None:
        if found := monitoring_of(self._cloud):
            dimensions = {"InferenceComponentName": name}
            found.put("AWS/SageMaker", "NoCapacityInvocationFailures", 1.0, dimensions, unit="Count")

    def before_update(self, call: Call, endpoint: Record, old: Record, new: Record) -> None:
        """Refuse a configuration without the variants that components are on."""
        on = {component["VariantName"] for component in self._components.of(endpoint["EndpointName"])}
        stay = {v["VariantName"] for v in new["ProductionVariants"] if is_hosting(v)}
        if gone := on - stay:
            message = f"Variant(s) {', '.join(sorted(gone))} host inference components: delete those first."
            raise AwsError("ValidationException", message)

    def before_delete(self, call: Call, endpoint: Record) -> None:
        """Refuse to delete an endpoint that hosts components."""
        if names := [c["InferenceComponentName"] for c in self._components.of(endpoint["EndpointName"])]:
            message = (
                f'Cannot delete endpoint "{endpoint["EndpointArn"]}" that hosts inference components: '
                f"delete {', '.join(names)} first."
            )
            raise AwsError("ValidationException", message)

    def describe(self, endpoint: Record) -> None:
        """Say of how many instances the variants with components are.

        A copy counts as an instance, within the limits of ManagedInstanceScaling; placing copies by their
        processors and memory is AWS's.
        """
        config = self._configs.find(endpoint["EndpointConfigName"]) or {"ProductionVariants": []}
        settings = {variant["VariantName"]: variant for variant in config["ProductionVariants"]}
        for variant in endpoint.get("ProductionVariants", []):
            managed = settings.get(variant["VariantName"], {}).get("ManagedInstanceScaling", {})
            if managed.get("Status") == "ENABLED":
                copies = self._components.count_on(endpoint["EndpointName"], variant["VariantName"])
                count = min(max(copies, managed.get("MinInstanceCount", 1)), managed["MaxInstanceCount"])
                counts = {"CurrentInstanceCount": count, "DesiredInstanceCount": count}
                variant.update({"ManagedInstanceScaling": managed, **counts})
