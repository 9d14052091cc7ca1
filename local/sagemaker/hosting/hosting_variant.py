"""Variants of an endpoint configuration that have no model, but room for inference components."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.cloud.errors import AwsError
from local.sagemaker.refuse import refuse_given


def is_hosting(variant: Mapping[str, Any]) -> bool:
    """Whether inference components bring the models of a variant."""
    return "ModelName" not in variant


def check_hosting(request: Mapping[str, Any]) -> None:
    """Check the variants without ModelName of a CreateEndpointConfig request, if it has any."""
    hosting = [variant for variant in request["ProductionVariants"] if is_hosting(variant)]
    if not hosting:
        return
    if len(hosting) < len(request["ProductionVariants"]):
        raise _invalid("either all production variants have a ModelName or none has one")
    if not request.get("ExecutionRoleArn"):
        raise _invalid("ExecutionRoleArn is required where production variants have no ModelName")
    for variant in hosting:
        _check(variant)


def _check(variant: Mapping[str, Any]) -> None:
    name, managed = variant["VariantName"], variant.get("ManagedInstanceScaling", {})
    refuse_given(f"variant {name}", variant, "InstancePools", "CapacityReservationConfig")
    for needed in ("InstanceType", "InitialInstanceCount"):
        if needed not in variant:
            raise _invalid(f"variant {name} has neither ModelName nor {needed}")
    if "ServerlessConfig" in variant:
        raise _invalid(f"variant {name} is serverless: inference components need instances")
    if managed.get("Status") != "ENABLED":
        return
    least, most = managed.get("MinInstanceCount", 1), managed.get("MaxInstanceCount")
    if most is None or not least <= variant["InitialInstanceCount"] <= most:
        raise _invalid(
            f"variant {name}: InitialInstanceCount {variant['InitialInstanceCount']} must be between "
            f"MinInstanceCount {least} and MaxInstanceCount {most}"
        )


def _invalid(what: str) -> AwsError:
    return AwsError("ValidationException", f"CreateEndpointConfig: {what}.")
