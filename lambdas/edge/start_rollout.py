"""Start the rollout of a promoted model to the fleet."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.executions import execution_arn, execution_name, start_once
from lambdas.common.packages import PackageArn
from lambdas.common.turns import Ticket, join


@dataclass(frozen=True)
class Environment:
    """The state machine of the rollout, and its line."""

    state_machine_arn: str
    turns_table: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Start one execution for a promotion; the same event again starts nothing.

    In: EventBridge "Model Promoted", detail {"model", "model_package_arn", "release", "promoted_at"}.
    Out: {"execution": name, "started": bool}.
    """
    detail = event["detail"]
    package = PackageArn.parse(detail["model_package_arn"])
    name = execution_name(f"{package.group}-{package.version}", event["id"])
    settings = environment.read(Environment)
    execution = execution_arn(settings.state_machine_arn, name)
    ticket = Ticket(f"rollout of {detail['model']}", detail["promoted_at"], execution)
    join(boto3.resource("dynamodb").Table(settings.turns_table), ticket)
    document = {
        "model": detail["model"],
        "model_package_arn": detail["model_package_arn"],
        "release": detail["release"],
        "promoted_at": detail["promoted_at"],
        "event_id": event["id"],
        "turn": {"line": ticket.line, "order": ticket.order},
    }
    states = boto3.client("stepfunctions")
    started = start_once(states, state_machine=settings.state_machine_arn, name=name, document=document)
    return {"execution": name, "started": started}
