"""Starting the promotion's state machine: first in line, then once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common.executions import execution_arn, start_once
from lambdas.common.turns import Ticket, join


@dataclass(frozen=True)
class Environment:
    """The state machine, its line, and the models that it promotes."""

    state_machine_arn: str
    turns_table: str
    models: str


@dataclass(frozen=True)
class DecisionEnvironment(Environment):
    """Also the name of the role in which the page on which approvers decide writes who did."""

    page_role: str


def line_of(model: str) -> str:
    """Name the line in which all that changes a model's endpoints stands."""
    return f"promotion of {model}"


def start(
    settings: Environment, *, name: str, order: str, ordered: bool, document: Mapping[str, Any]
) -> dict[str, Any]:
    """Put an execution in line and start it; one of this name that was started before is left alone.

    Out: {"execution": name, "started": bool}.
    """
    execution = execution_arn(settings.state_machine_arn, name)
    ticket = Ticket(line_of(document["model"]), order, execution, ordered)
    join(boto3.resource("dynamodb").Table(settings.turns_table), ticket)
    turn = {"line": ticket.line, "order": order, "ordered": ordered}
    started = start_once(
        boto3.client("stepfunctions"),
        state_machine=settings.state_machine_arn,
        name=name,
        document={**document, "turn": turn},
    )
    return {"execution": name, "started": started}
