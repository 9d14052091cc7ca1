"""Take the turn of an execution, or say that it has to wait."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.turns import Ticket, running, take


@dataclass(frozen=True)
class Environment:
    """Where the turns are kept."""

    turns_table: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str | int]:
    """Join the line or take the turn; repeated by the state machine until it is not `wait`.

    In: {"line", "order", "execution", "started_at": of the execution}.
    Out: {"turn": "mine" | "wait" | "superseded", "wait_seconds": until it asks again}.
    """
    table = boto3.resource("dynamodb").Table(environment.read(Environment).turns_table)
    ticket = Ticket(event["line"], event["order"], event["execution"])
    turn = take(table, ticket, running(boto3.client("stepfunctions")))
    waited = datetime.now(UTC) - datetime.fromisoformat(event["started_at"])
    return {"turn": turn, "wait_seconds": wait_seconds(waited.total_seconds())}


def wait_seconds(waited: float) -> int:
    """Ask ever more seldom, from 5 seconds to 10 minutes: a state machine's history has an end."""
    return round(min(max(waited / 10, 5), 600))
