"""What is new to train on, each once, and counted from any moment on.

Items of the starts table: pk NEW#<model>, sk <milliseconds since 1970, 13 digits>#<hash of what it is>,
`source`: where it is told of. What is told of twice is one item. An item is forgotten half a year after its
time: what has not come to the threshold by then counts no more.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from boto3.dynamodb.conditions import Key

from lambdas.common.counting import count_up_to

_KEPT_SECONDS = 180 * 24 * 3600


@dataclass(frozen=True)
class Novelty:
    """A picture or a label that is new for a model since `at`; `source` is the URI that says so."""

    model: str
    what: str
    at: datetime
    source: str


class NewData:
    """The new data of all models, in the starts table (a boto3 Table)."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def note(self, novelties: Iterable[Novelty]) -> None:
        """Write them down; safe to repeat."""
        with self._table.batch_writer(overwrite_by_pkeys=["pk", "sk"]) as batch:
            for one in novelties:
                batch.put_item(Item=_item(one))

    def count(self, model: str, since: datetime | None, limit: int) -> int:
        """How many are newer than `since` (None: all there are), or `limit` if there are more.

        No more than these are read.
        """
        return count_up_to(self._table, limit, **self._query(model, since))

    def newest_source(self, model: str) -> str | None:
        """Where the newest is told of; None where there is nothing."""
        query = self._query(model, None)
        items = self._table.query(ScanIndexForward=False, Limit=1, **query)["Items"]
        return str(items[0]["source"]) if items else None

    def _query(self, model: str, since: datetime | None) -> dict[str, Any]:
        of_model = Key("pk").eq(f"NEW#{model}")
        # ~ is after #
        condition = of_model if since is None else of_model & Key("sk").gt(f"{_milliseconds(since)}~")
        return {"KeyConditionExpression": condition, "ConsistentRead": True}


def _item(novelty: Novelty) -> dict[str, Any]:
    digest = hashlib.sha256(novelty.what.encode()).hexdigest()[:32]
    return {
        "pk": f"NEW#{novelty.model}",
        "sk": f"{_milliseconds(novelty.at)}#{digest}",
        "source": novelty.source,
        "expires": int(novelty.at.timestamp()) + _KEPT_SECONDS,
    }


def _milliseconds(time: datetime) -> str:
    return f"{int(time.timestamp() * 1000):013d}"
