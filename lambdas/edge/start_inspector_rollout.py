"""Start the rollout of a published inspector, with the model that the devices run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.executions import execution_arn, execution_name, start_once
from lambdas.common.turns import Ticket, join, latest_order


@dataclass(frozen=True)
class Environment:
    """The state machine of the rollout, its line, and the model that the fleet runs."""

    state_machine_arn: str
    turns_table: str
    model: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Start one execution for a publication, where a model has been rolled out before.

    It stands behind the rollout that had the latest turn, and not before a model that is promoted later:
    that one takes the new inspector along. Which model it is, is seen when the turn has come.

    In: EventBridge "Inspector Published", detail {"component", "version", "git_commit"}.
    Out: {"execution": name | null, "started": bool}; null where no model has been rolled out yet.
    """
    settings = environment.read(Environment)
    table, line = boto3.resource("dynamodb").Table(settings.turns_table), f"rollout of {settings.model}"
    order = latest_order(table, line)
    if order is None:
        return {"execution": None, "started": False}
    version = event["detail"]["version"]
    name = execution_name(f"inspector-{version}", event["id"])
    ticket = Ticket(line, order, execution_arn(settings.state_machine_arn, name))
    join(table, ticket)
    document = {
        "model": settings.model,
        "model_package_arn": None,
        "inspector": version,
        "release": None,
        "promoted_at": None,
        "event_id": event["id"],
        "turn": {"line": ticket.line, "order": ticket.order},
    }
    states = boto3.client("stepfunctions")
    started = start_once(states, state_machine=settings.state_machine_arn, name=name, document=document)
    return {"execution": name, "started": started}
