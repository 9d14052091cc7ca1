"""Starting the promotion's state machine: first in line, then once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common.executions import execution_arn, start_once
from lambdas.common.turns import Ticket, join
from lambdas.promotion.settings import Tree, tree_if_any


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The state machines, their line, and the models that they promote.

    That of the trees is empty where no model is of one.
    """

    state_machine_arn: str
    turns_table: str
    models: str
    tree_state_machine_arn: str = ""


@dataclass(frozen=True, kw_only=True)
class DecisionEnvironment(Environment):
    """Also the name of the role in which the page on which approvers decide writes who did."""

    page_role: str


def line_of(model: str, tree: Tree | None = None) -> str:
    """Name the line in which all that changes a model's endpoints stands, with those of its tree."""
    return f"promotion of tree {tree.parent}" if tree else f"promotion of {model}"


def start(
    settings: Environment, *, name: str, order: str, ordered: bool, document: Mapping[str, Any]
) -> dict[str, Any]:
    """Put an execution in line and start it; one of this name that was started before is left alone.

    In the line of a tree nobody comes too late: check_tree knows versions of one model from one another.

    Out: {"execution": name, "started": bool}.
    """
    tree = tree_if_any(settings.models, document["model"])
    machine = settings.tree_state_machine_arn if tree else settings.state_machine_arn
    execution, ordered = execution_arn(machine, name), ordered and tree is None
    ticket = Ticket(line_of(document["model"], tree), order, execution, ordered)
    join(boto3.resource("dynamodb").Table(settings.turns_table), ticket)
    turn = {"line": ticket.line, "order": order, "ordered": ordered}
    started = start_once(
        boto3.client("stepfunctions"),
        state_machine=machine,
        name=name,
        document={**document, "turn": turn},
    )
    return {"execution": name, "started": started}
