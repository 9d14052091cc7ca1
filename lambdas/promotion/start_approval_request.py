"""Ask a person to approve exactly the model package that was registered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.executions import execution_name, start_once
from lambdas.common.packages import PackageArn
from lambdas.promotion.settings import model_of_group


@dataclass(frozen=True)
class Environment:
    """The state machine of the requests, and the models that it is for."""

    state_machine_arn: str
    models: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Start one execution for a package that waits for approval; the same event again starts nothing.

    In: EventBridge "SageMaker Model Package State Change" with ModelApprovalStatus PendingManualApproval.
    Out: {"execution": name | null, "started": bool}; null where it does not begin to wait by this event.
    """
    configured = environment.read(Environment)
    detail = event["detail"]
    if not is_request(detail):
        return {"execution": None, "started": False}
    package = PackageArn.parse(detail["ModelPackageArn"])
    name = execution_name(f"request-{package.group}-{package.version}", event["id"])
    document = {
        "model": model_of_group(configured.models, package.group),
        "model_package_arn": detail["ModelPackageArn"],
        "event_id": event["id"],
    }
    states = boto3.client("stepfunctions")
    started = start_once(states, state_machine=configured.state_machine_arn, name=name, document=document)
    return {"execution": name, "started": started}


def is_request(detail: Mapping[str, Any]) -> bool:
    """Tell a package that is complete and begins to wait from one that waits and has changed otherwise."""
    changed = detail.get("UpdatedModelPackageFields")
    return (
        detail["ModelApprovalStatus"] == "PendingManualApproval"
        and detail.get("ModelPackageStatus", "Completed") == "Completed"
        and (not changed or "ModelApprovalStatus" in changed)
    )
