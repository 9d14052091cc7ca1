"""One at a time, oldest first: executions that change the same thing take turns.

The table's key is `line` (what is changed) and `entry`: `turn`, or `waiting#<order>#<execution>`. A turn is a
lease: it ends with its execution, and at the latest when its time is over. A holder that was killed blocks
nobody for longer than its last call may take. What changes something asks `require` first, so that the calls
of one that has lost its turn change nothing any more.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.conditions import Key

MINE, WAIT, SUPERSEDED = "mine", "wait", "superseded"
_SETTLING_SECONDS = 600

# Whether an execution that stands in line since then runs, or ended less than so many seconds ago.
IsRunning = Callable[[str, int, int], bool]


class TurnLost(Exception):  # noqa: N818 - the name that the state machine reports
    """The execution's turn is over, and another may be at it: it must not change anything any more."""


@dataclass(frozen=True)
class Ticket:
    """An execution's place: `order` is an ISO time stamp, and sorts as a string.

    One that is not `ordered` takes its turn however late it comes, and makes nobody late.
    """

    line: str
    order: str
    execution: str
    ordered: bool = True


@dataclass(frozen=True)
class Lease:
    """How long a turn lasts at most, and how long a call of a killed holder may go on; in seconds."""

    seconds: int
    call_seconds: int


def join(table: Any, ticket: Ticket) -> None:
    """Stand in the line, before the execution runs, so that a later one that is faster does not go first."""
    table.put_item(Item={**_place(ticket), "execution": ticket.execution, "since": int(time.time())})


def latest_order(table: Any, line: str) -> str | None:
    """Return the order of the latest turn in a line; None where nobody has had one."""
    order: str | None = _turn(table, line).get("latest")
    return order


def take(table: Any, ticket: Ticket, is_running: IsRunning, lease: Lease) -> str:
    """Return MINE, WAIT, or SUPERSEDED where one with a later order has had its turn already."""
    turn = _turn(table, ticket.line)
    if turn.get("holder") == ticket.execution:
        _leave_queue(table, ticket)
        return MINE
    if ticket.ordered and ticket.order < turn.get("latest", ""):
        _leave_queue(table, ticket)
        return SUPERSEDED
    join(table, ticket)
    if not _is_first(table, ticket, is_running) or _is_held(turn, is_running, lease):
        return WAIT
    if not _seize(table, ticket, turn.get("holder"), lease):
        return WAIT
    _leave_queue(table, ticket)
    return MINE


def require(table: Any, line: str, holder: str) -> None:
    """TurnLost unless this execution holds the line's turn now."""
    turn = _turn(table, line)
    if turn.get("holder") != holder:
        raise TurnLost(f"the turn of {line!r} is that of {turn.get('holder', 'nobody')}, not of {holder}")
    if time.time() > int(turn["lease_end"]):
        raise TurnLost(f"the turn of {line!r} has lasted longer than it may")


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


def running(states: Any) -> IsRunning:
    """Tell whether executions run; one too young to be listed yet counts as running."""

    def is_running(execution: str, since: int, ended_less_than: int) -> bool:
        try:
            found = states.describe_execution(executionArn=execution)
        except states.exceptions.ExecutionDoesNotExist:
            return time.time() - since < _SETTLING_SECONDS
        if found["status"] in ("RUNNING", "PENDING_REDRIVE"):
            return True
        ended = found.get("stopDate")
        return ended is not None and time.time() - ended.timestamp() < ended_less_than

    return is_running


def _turn(table: Any, line: str) -> Mapping[str, Any]:
    found = table.get_item(Key={"line": line, "entry": "turn"}, ConsistentRead=True)
    turn: Mapping[str, Any] = found.get("Item", {})
    return turn


def _place(ticket: Ticket) -> dict[str, str]:
    return {"line": ticket.line, "entry": f"waiting#{ticket.order}#{ticket.execution}"}


def _leave_queue(table: Any, ticket: Ticket) -> None:
    table.delete_item(Key=_place(ticket))


def _is_first(table: Any, ticket: Ticket, is_running: IsRunning) -> bool:
    condition = Key("line").eq(ticket.line) & Key("entry").begins_with("waiting#")
    waiting = table.query(KeyConditionExpression=condition, ConsistentRead=True)["Items"]
    for entry in waiting:
        if entry["execution"] == ticket.execution:
            return True
        if is_running(entry["execution"], int(entry["since"]), 0):
            return False
        table.delete_item(Key={"line": entry["line"], "entry": entry["entry"]})
    return True


def _is_held(turn: Mapping[str, Any], is_running: IsRunning, lease: Lease) -> bool:
    holder = turn.get("holder")
    if not holder:
        return False
    since = int(turn["since"])
    # A turn that was taken before turns had an end has none.
    if time.time() > int(turn.get("lease_end", since + lease.seconds)) + lease.call_seconds:
        return False
    return is_running(holder, since, lease.call_seconds)


def _seize(table: Any, ticket: Ticket, holder: str | None, lease: Lease) -> bool:
    now = int(time.time())
    values: dict[str, Any] = {":me": ticket.execution, ":now": now, ":end": now + lease.seconds}
    update = "SET holder = :me, since = :now, lease_end = :end"
    free = "holder = :holder" if holder else "attribute_not_exists(holder)"
    if holder:
        values[":holder"] = holder
    if ticket.ordered:
        # One with a later order may have come and gone since the turn was read.
        update, free = f"{update}, latest = :order", f"{free} AND {_NOT_LATE}"
        values[":order"] = ticket.order
    try:
        table.update_item(
            Key={"line": ticket.line, "entry": "turn"},
            UpdateExpression=update,
            ConditionExpression=free,
            ExpressionAttributeValues=values,
        )
    except table.meta.client.exceptions.ConditionalCheckFailedException:
        return False
    return True


_NOT_LATE = "(attribute_not_exists(latest) OR latest <= :order)"
