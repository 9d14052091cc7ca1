"""What an inference component is asked to be, and how it is to be updated: checked and read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.cloud.errors import AwsError
from local.sagemaker.hosting.plan import Size
from local.sagemaker.refuse import refuse, refuse_given
from local.sagemaker.table import Record, pick

_LEAST_PERCENT, _MOST_PERCENT = 5, 50


ALL = Size("CAPACITY_PERCENT", 100)


@dataclass(frozen=True)
class UpdatePolicy:
    """How copies are exchanged: how many at once, how long each batch is watched, and by which alarms."""

    batch: Size = ALL
    rollback: Size = ALL
    wait_seconds: float = 0.0
    timeout_seconds: float | None = None
    alarms: tuple[str, ...] = ()


def check_specification(operation: str, request: Mapping[str, Any]) -> Record:
    """Give the specification of a request; what is not served is refused by name."""
    refuse_given(operation, request, "Specifications")
    specification = dict(request.get("Specification") or {})
    if not specification:
        raise AwsError("ValidationException", f"{operation}: Specification is missing.")
    refuse_given(
        operation, specification, "Container", "BaseInferenceComponentName", "DataCacheConfig",
        "SchedulingConfig", "InstanceType",
    )  # fmt: skip
    if not specification.get("ModelName"):
        raise refuse(f"{operation} without Specification.ModelName")
    if not specification.get("ComputeResourceRequirements"):
        message = f"{operation}: Specification.ComputeResourceRequirements is missing."
        raise AwsError("ValidationException", message)
    return specification


def summary(specification: Mapping[str, Any], model: Mapping[str, Any]) -> Record:
    """Give a specification as DescribeInferenceComponent tells it."""
    kept = pick(dict(specification), ("ModelName", "StartupParameters", "ComputeResourceRequirements"))
    container = {
        "DeployedImage": pick({"SpecifiedImage": model["Container"].get("Image")}, ("SpecifiedImage",)),
        "ArtifactUrl": model["Container"].get("ModelDataUrl"),
    }
    return {**kept, "Container": pick(container, container)}


def update_policy(config: Mapping[str, Any] | None, copies: int) -> UpdatePolicy:
    """Read a DeploymentConfig; without one all new copies come up before the old ones go."""
    if not config:
        return UpdatePolicy()
    rolling = config["RollingUpdatePolicy"]
    given = rolling.get("RollbackMaximumBatchSize")
    return UpdatePolicy(
        batch=_checked(rolling["MaximumBatchSize"], copies),
        rollback=Size(given["Type"], given["Value"]) if given else ALL,
        wait_seconds=float(rolling["WaitIntervalInSeconds"]),
        timeout_seconds=rolling.get("MaximumExecutionTimeoutInSeconds"),
        alarms=tuple(
            alarm["AlarmName"] for alarm in config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
        ),
    )


def _checked(given: Mapping[str, Any], copies: int) -> Size:
    size = Size(given["Type"], given["Value"])
    if size.kind == "CAPACITY_PERCENT":
        fits = _LEAST_PERCENT <= size.value <= _MOST_PERCENT
    else:
        # Half of one copy is no copy: a component of one is exchanged whole.
        fits = size.value <= max(1, copies * _MOST_PERCENT // 100)
    if not fits:
        message = (
            f"MaximumBatchSize {size.kind} {size.value} must be between {_LEAST_PERCENT}% and "
            f"{_MOST_PERCENT}% of the copy count ({copies}) of the inference component."
        )
        raise AwsError("ValidationException", message)
    return size
