"""One at a time, oldest first: executions that change the same thing take turns.

The table's key is `line` (what is changed) and `entry`: `turn`, or `waiting#<order>#<execution>`. A turn is
held as long as its execution runs: a killed holder blocks nobody, and no clock decides who may deploy.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.conditions import Key

MINE, WAIT, SUPERSEDED = "mine", "wait", "superseded"
_SETTLING_SECONDS = 600


@dataclass(frozen=True)
class Ticket:
    """An execution's place: `order` is an ISO time stamp, and sorts as a string."""

    line: str
    order: str
    execution: str


def join(table: Any, ticket: Ticket) -> None:
    """Stand in the line, before the execution runs, so that a later one that is faster does not go first."""
    table.put_item(Item={**_place(ticket), "execution": ticket.execution, "since": int(time.time())})


def latest_order(table: Any, line: str) -> str | None:
    """Return the order of the latest turn in a line; None where nobody has had one."""
    found = table.get_item(Key={"line": line, "entry": "turn"}, ConsistentRead=True).get("Item", {})
    order: str | None = found.get("latest")
    return order


def take(table: Any, ticket: Ticket, is_running: Callable[[str, int], bool]) -> str:
    """Return MINE, WAIT, or SUPERSEDED where one with a later order has had its turn already."""
    turn = table.get_item(Key={"line": ticket.line, "entry": "turn"}, ConsistentRead=True).get("Item", {})
    holder = turn.get("holder")
    if holder == ticket.execution:
        _leave_queue(table, ticket)
        return MINE
    if ticket.order < turn.get("latest", ""):
        _leave_queue(table, ticket)
        return SUPERSEDED
    join(table, ticket)
    if not _is_first(table, ticket, is_running) or (holder and is_running(holder, int(turn["since"]))):
        return WAIT
    if not _seize(table, ticket, holder):
        return WAIT
    _leave_queue(table, ticket)
    return MINE


def give_back(table: Any, ticket: Ticket) -> None:
    """End the ticket's turn; nothing happens where it does not hold it."""
    try:
        table.update_item(
            Key={"line": ticket.line, "entry": "turn"},
            UpdateExpression="REMOVE holder",
            ConditionExpression="holder = :me",
            ExpressionAttributeValues={":me": ticket.execution},
        )
    except table.meta.client.exceptions.ConditionalCheckFailedException:
        return


def running(states: Any) -> Callable[[str, int], bool]:
    """Tell whether an execution runs; one too young to be listed yet counts as running."""

    def is_running(execution: str, since: int) -> bool:
        try:
            status = states.describe_execution(executionArn=execution)["status"]
        except states.exceptions.ExecutionDoesNotExist:
            return time.time() - since < _SETTLING_SECONDS
        return status in ("RUNNING", "PENDING_REDRIVE")

    return is_running


def _place(ticket: Ticket) -> dict[str, str]:
    return {"line": ticket.line, "entry": f"waiting#{ticket.order}#{ticket.execution}"}


def _leave_queue(table: Any, ticket: Ticket) -> None:
    table.delete_item(Key=_place(ticket))


def _is_first(table: Any, ticket: Ticket, is_running: Callable[[str, int], bool]) -> bool:
    condition = Key("line").eq(ticket.line) & Key("entry").begins_with("waiting#")
    waiting = table.query(KeyConditionExpression=condition, ConsistentRead=True)["Items"]
    for entry in waiting:
        if entry["execution"] == ticket.execution:
            return True
        if is_running(entry["execution"], int(entry["since"])):
            return False
        table.delete_item(Key={"line": entry["line"], "entry": entry["entry"]})
    return True


def _seize(table: Any, ticket: Ticket, holder: str | None) -> bool:
    values: dict[str, Any] = {":me": ticket.execution, ":now": int(time.time()), ":order": ticket.order}
    if holder:
        values[":holder"] = holder
    try:
        table.update_item(
            Key={"line": ticket.line, "entry": "turn"},
            UpdateExpression="SET holder = :me, since = :now, latest = :order",
            ConditionExpression="holder = :holder" if holder else "attribute_not_exists(holder)",
            ExpressionAttributeValues=values,
        )
    except table.meta.client.exceptions.ConditionalCheckFailedException:
        return False
    return True
