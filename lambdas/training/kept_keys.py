"""What was asked with which Idempotency-Key, and the run that it started.

Items of the starts table: pk KEY#<model>, sk <key>: `asked` (a hash), `run` once it is known, `expires`.
CodePipeline starts one execution for a token; how long it remembers one it does not say.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

from lambdas.common.proxied import Refused

_KEPT_SECONDS = 30 * 24 * 3600


class KeptKeys:
    """The keys of one model, in the starts table (a boto3 Table)."""

    def __init__(self, table: Any, model: str) -> None:
        self._table, self._model = table, model

    def keep(self, key: str, asked: Mapping[str, str]) -> str | None:
        """Keep what is asked with a key; the run that it has started, None where none is known yet.

        Refused, with 409, where something else was asked with it.
        """
        item = {**self._place(key), "asked": _hash(asked), "expires": int(time.time()) + _KEPT_SECONDS}
        try:
            self._table.put_item(Item=item, ConditionExpression="attribute_not_exists(pk)")
        except self._table.meta.client.exceptions.ConditionalCheckFailedException:
            kept = self._table.get_item(Key=self._place(key), ConsistentRead=True).get("Item", item)
            if kept["asked"] != item["asked"]:
                words = "this Idempotency-Key came with another request; choose a new one for this"
                raise Refused(409, words) from None
            run: str | None = kept.get("run")
            return run
        return None

    def started(self, key: str, run: str) -> None:
        """Enter the run that a key has started."""
        self._table.update_item(
            Key=self._place(key),
            UpdateExpression="SET #run = :run",
            ExpressionAttributeNames={"#run": "run"},
            ExpressionAttributeValues={":run": run},
        )

    def token(self, key: str) -> str:
        """What CodePipeline knows the key by: it takes letters, digits and hyphens only."""
        return hashlib.sha256(f"{self._model}\0{key}".encode()).hexdigest()

    def _place(self, key: str) -> dict[str, str]:
        return {"pk": f"KEY#{self._model}", "sk": key}


def _hash(asked: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
