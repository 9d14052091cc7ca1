"""Writes that happen together or not at all."""

import random
import time
from typing import Any

_ATTEMPTS = 8


class Contended(Exception):  # noqa: N818 - what the caller can say about it
    """Others kept writing the same items; nothing was changed, and it may be tried again."""


def transact(table: Any, *writes: dict[str, Any]) -> bool:
    """Make these writes of `TransactWriteItems`; False, and nothing changed, if a condition does not hold.

    Writes that meet another transaction are tried again; `Contended` after 8 attempts.
    """
    client = table.meta.client
    for attempt in range(_ATTEMPTS):
        try:
            client.transact_write_items(TransactItems=list(writes))
        except client.exceptions.TransactionCanceledException as error:
            codes = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
            if "ConditionalCheckFailed" in codes:
                return False
            if not codes & {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}:
                raise
        except client.exceptions.TransactionConflictException:
            pass
        else:
            return True
        time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311 - jitter
    raise Contended(f"{table.name}: other writes kept coming in between, {_ATTEMPTS} times")
