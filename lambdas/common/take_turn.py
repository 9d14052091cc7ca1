"""Take the turn of an execution, or say that it has to wait."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.turns import Ticket, running, take


@dataclass(frozen=True)
class Environment:
    """Where the turns are kept."""

    turns_table: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Join the line or take the turn; repeated by the state machine until it is not `wait`.

    In: {"line", "order", "execution"}.
    Out: {"turn": "mine" | "wait" | "superseded"}.
    """
    table = boto3.resource("dynamodb").Table(environment.read(Environment).turns_table)
    ticket = Ticket(event["line"], event["order"], event["execution"])
    return {"turn": take(table, ticket, running(boto3.client("stepfunctions")))}
