"""Take the turn of an execution, or say that it has to wait."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.turns import Lease, Ticket, running, take


@dataclass(frozen=True)
class Environment:
    """Where the turns are kept, how long one lasts, and how long a call of its holder may take."""

    turns_table: str
    lease_seconds: int
    call_seconds: int


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str | int]:
    """Join the line or take the turn; repeated by the state machine until it is not `wait`.

    In: {"turn": {"line", "order", "ordered": true unless given}, "execution", "started_at": its}.
    Out: {"turn": "mine" | "wait" | "superseded", "wait_seconds": until it asks again}.
    """
    settings = environment.read(Environment)
    table = boto3.resource("dynamodb").Table(settings.turns_table)
    turn = event["turn"]
    ticket = Ticket(turn["line"], turn["order"], event["execution"], ordered=turn.get("ordered", True))
    lease = Lease(settings.lease_seconds, settings.call_seconds)
    answer = take(table, ticket, running(boto3.client("stepfunctions")), lease)
    waited = datetime.now(UTC) - datetime.fromisoformat(event["started_at"])
    return {"turn": answer, "wait_seconds": wait_seconds(waited.total_seconds())}


def wait_seconds(waited: float) -> int:
    """Ask ever more seldom, from 5 seconds to 10 minutes: a state machine's history has an end."""
    return round(min(max(waited / 10, 5), 600))
