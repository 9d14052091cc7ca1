"""Start the promotion of exactly the model package that was approved."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.executions import execution_arn, execution_name, start_once
from lambdas.common.packages import PackageArn
from lambdas.common.turns import Ticket, join
from lambdas.promotion.settings import model_of_group


@dataclass(frozen=True)
class Environment:
    """The state machine, its line, and the models that it promotes."""

    state_machine_arn: str
    turns_table: str
    models: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Start one execution for an approval; the same event again starts nothing.

    In: EventBridge "SageMaker Model Package State Change" with ModelApprovalStatus Approved.
    Out: {"execution": name | null, "started": bool}; null where something else than the approval has changed.
    """
    settings = environment.read(Environment)
    detail = event["detail"]
    if not is_approval(detail):
        return {"execution": None, "started": False}
    arn = detail["ModelPackageArn"]
    package = PackageArn.parse(arn)
    name = execution_name(f"{package.group}-{package.version}", event["id"])
    described = boto3.client("sagemaker").describe_model_package(ModelPackageName=arn)
    model, approved = model_of_group(settings.models, package.group), approved_at(event, described)
    ticket = Ticket(f"promotion of {model}", approved, execution_arn(settings.state_machine_arn, name))
    join(boto3.resource("dynamodb").Table(settings.turns_table), ticket)
    document = {
        "model": model,
        "model_package_arn": arn,
        "event_id": event["id"],
        "approved_at": approved,
        "turn": {"line": ticket.line, "order": ticket.order},
    }
    states = boto3.client("stepfunctions")
    started = start_once(states, state_machine=settings.state_machine_arn, name=name, document=document)
    return {"execution": name, "started": started}


def is_approval(detail: Mapping[str, Any]) -> bool:
    """Tell an approval from a later change to an approved package, which sends the same event."""
    changed = detail.get("UpdatedModelPackageFields")
    return detail["ModelApprovalStatus"] == "Approved" and (not changed or "ModelApprovalStatus" in changed)


def approved_at(event: Mapping[str, Any], package: Mapping[str, Any]) -> str:
    """Say when the approval was given, to the millisecond if the registry knows it."""
    moment = package.get("LastModifiedTime") or datetime.fromisoformat(event["time"])
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
