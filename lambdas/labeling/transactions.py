"""Writes that hold or do not, several together or one alone; tried again where others write the same."""

import random
import time
from collections.abc import Callable
from typing import Any

_ATTEMPTS = 8
_BUSY = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


class Contended(Exception):  # noqa: N818 - what the caller can say about it
    """Others kept writing the same items; nothing was changed, and it may be tried again."""


def transact(table: Any, *writes: dict[str, Any]) -> bool:
    """Make these writes of `TransactWriteItems`; False, and nothing changed, if a condition does not hold.

    Writes that meet another transaction are tried again; `Contended` after 8 attempts.
    """
    client = table.meta.client

    def attempt() -> bool | None:
        try:
            client.transact_write_items(TransactItems=list(writes))
        except client.exceptions.TransactionCanceledException as error:
            codes = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
            if "ConditionalCheckFailed" in codes:
                return False
            if not codes & _BUSY:
                raise
            return None
        except client.exceptions.TransactionConflictException:
            return None
        return True

    return _until_it_holds_or_not(table, attempt)


def update(table: Any, key: dict[str, str], expression: str, **given: Any) -> dict[str, Any] | None:
    """Make one `UpdateItem`; the item as it is then, None if the condition does not hold.

    `given` are ConditionExpression, ExpressionAttributeNames and ExpressionAttributeValues. A write that
    meets a transaction is tried again; `Contended` after 8 attempts.
    """
    client = table.meta.client  # clients are safe to share between threads, Tables are not
    changed: dict[str, Any] = {}

    def attempt() -> bool | None:
        try:
            answer = client.update_item(
                TableName=table.name, Key=key, UpdateExpression=expression, ReturnValues="ALL_NEW", **given
            )
        except client.exceptions.ConditionalCheckFailedException:
            return False
        except client.exceptions.TransactionConflictException:
            return None
        changed.update(answer["Attributes"])
        return True

    return changed if _until_it_holds_or_not(table, attempt) else None


def put_new(table: Any, item: dict[str, Any]) -> bool:
    """Write an item unless there is one under its key."""
    client = table.meta.client
    try:
        client.put_item(TableName=table.name, Item=item, ConditionExpression="attribute_not_exists(pk)")
    except client.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _until_it_holds_or_not(table: Any, attempt: Callable[[], bool | None]) -> bool:
    for number in range(_ATTEMPTS):
        done = attempt()
        if done is not None:
            return done
        time.sleep(random.uniform(0, 0.05 * 2**number))  # noqa: S311 - jitter
    raise Contended(f"{table.name}: other writes kept coming in between, {_ATTEMPTS} times")
