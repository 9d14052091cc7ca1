"""End the turn of an execution."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.turns import Ticket, give_back


@dataclass(frozen=True)
class Environment:
    """Where the turns are kept."""

    turns_table: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, bool]:
    """Let the next one in the line go on.

    In: {"turn": {"line", "order"}, "execution"}.
    Out: {"given_back": true}.
    """
    table = boto3.resource("dynamodb").Table(environment.read(Environment).turns_table)
    turn = event["turn"]
    give_back(table, Ticket(turn["line"], turn["order"], event["execution"]))
    return {"given_back": True}
