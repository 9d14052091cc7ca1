"""The weights and instance counts of an endpoint's variants, changed and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from local.cloud.errors import AwsError
from local.sagemaker.hosting.fleet import Fleet
from local.sagemaker.hosting.instance import UnhealthyError
from local.sagemaker.hosting.variant import Status
from local.sagemaker.refuse import refuse, refuse_given
from local.sagemaker.table import Record

Change = Mapping[str, Any]


def check_changes(fleet: Fleet | None, changes: Sequence[Change]) -> None:
    """Raise AwsError unless these `DesiredWeightsAndCapacities` fit the variants that run."""
    for change in changes:
        name, count = change["VariantName"], change.get("DesiredInstanceCount")
        variant = fleet.find(name) if fleet else None
        if variant is None:
            raise AwsError("ValidationException", f"Variant(s) {name} not found on the endpoint.")
        refuse_given("UpdateEndpointWeightsAndCapacities", change, "ServerlessUpdateConfig")
        if count is not None and variant.serverless:
            raise refuse("UpdateEndpointWeightsAndCapacities with an instance count of a serverless variant")
        if count == 0 and not variant.hosts_components:
            raise AwsError(
                "ValidationException", f"DesiredInstanceCount of variant {name} must be at least 1."
            )


def apply_weights(fleet: Fleet, changes: Sequence[Change]) -> None:
    """Let the new weights count from the next request on."""
    for change in changes:
        variant = fleet.find(change["VariantName"])
        if variant and change.get("DesiredWeight") is not None:
            variant.weight = float(change["DesiredWeight"])


def apply_counts(fleet: Fleet, changes: Sequence[Change], changed: Callable[[], None]) -> None:
    """Start or end instances; UnhealthyError, with the variant as it was, where one does not come up."""
    for change in changes:
        variant, count = fleet.find(change["VariantName"]), change.get("DesiredInstanceCount")
        if variant is None or count is None or count == variant.desired:
            continue
        before, out = variant.desired, "out" if count > variant.desired else "in"
        variant.desired = count
        variant.status = Status("Updating", f"Scaling {out} desired instance count to {count}.")
        changed()
        try:
            fleet.resize(variant, count)
        except (UnhealthyError, OSError, RuntimeError):
            variant.desired = before
            raise
        finally:
            variant.status = None


def retain(config: Record, fleet: Fleet | None, excluded: Sequence[Mapping[str, str]]) -> Record:
    """Give an endpoint configuration with the weights and counts that its variants have on the fleet.

    `excluded` are `ExcludeRetainedVariantProperties`: what the configuration decides all the same.
    """
    given = {item["VariantPropertyType"] for item in excluded}
    if "DataCaptureConfig" in given:
        raise refuse("ExcludeRetainedVariantProperties with DataCaptureConfig")
    variants = []
    for settings in config["ProductionVariants"]:
        running = fleet.find(settings["VariantName"]) if fleet else None
        kept: dict[str, Any] = {}
        if running and "DesiredWeight" not in given:
            kept["InitialVariantWeight"] = running.weight
        if running and not running.serverless and "DesiredInstanceCount" not in given:
            kept["InitialInstanceCount"] = running.desired
        variants.append({**settings, **kept})
    return {**config, "ProductionVariants": variants}
