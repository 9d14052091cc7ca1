"""Finds what no event told of: walks the images bucket and the ledger side by side, and mends the ledger.

In:  {"execution": ARN, "model": "tags"}
Out: {"model", "images": how many the bucket has, "mended": how many entries were wrong or missing}

It reads each listing and each entry once and keeps a few thousand of them at a time. How far it came is kept
in the labeling table, so that a second attempt (`OutOfTime`) goes on from there:

    pk RECONCILIATION#<model>  sk <execution>   `after`: the last key that is done, `compared`, `mended`
    pk RECONCILIATION#<model>  sk COMPLETED     the `execution` that came to the end first

Entries of before there was an index are put into it. Two at once do no harm.
"""

import json
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.labeling.image_entry import FREE, GONE, IN_ROUND, Known
from lambdas.labeling.image_ledger import ImageLedger
from lambdas.labeling.listing import Listed, listed
from lambdas.labeling.long_pages import read_listings_at_once, read_queries_at_once
from lambdas.labeling.models import classes_of
from lambdas.labeling.notice_images import LOOKERS, Watch
from lambdas.labeling.payloads import PATIENT, Deadline

_COMPLETED = "COMPLETED"
_BATCH = 2000
_KEPT_SECONDS = 90 * 24 * 3600


@dataclass(frozen=True)
class Environment:
    """`model_classes` is JSON: {"tags": ["scratch"]}."""

    table: str
    images_bucket: str
    model_classes: str


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Reconcile one model's ledger with its images."""
    env = environment.read(Environment)
    classes_of(event["model"], json.loads(env.model_classes))
    table = boto3.resource("dynamodb", config=PATIENT).Table(env.table)
    s3 = boto3.client("s3", config=PATIENT)
    return Reconciliation(table, event["model"], event["execution"]).run(
        s3, env.images_bucket, Deadline(context)
    )


class Reconciliation:
    """One walk through a model's images; `execution` names it, and finds its place again."""

    def __init__(self, table: Any, model: str, execution: str) -> None:
        self._table, self._model, self._execution = table, model, execution

    @classmethod
    def needed(cls, table: Any, model: str) -> bool:
        """Whether no walk has ever come to its end: then there may be images that no event will tell of."""
        key = {"pk": f"RECONCILIATION#{model}", "sk": _COMPLETED}
        return "Item" not in table.get_item(Key=key, ConsistentRead=True)

    def run(self, s3: Any, bucket: str, deadline: Deadline) -> dict[str, Any]:
        """Go on to the end; OutOfTime keeps the place."""
        read_listings_at_once(s3)
        read_queries_at_once(self._table.meta.client)
        ledger = ImageLedger(self._table, self._model)
        watch = Watch(s3, bucket, ledger)
        after, compared, mended = self._place()
        objects = listed(s3, bucket, self._model, after)
        pairs = side_by_side(objects, ledger.known(after))
        with ThreadPoolExecutor(LOOKERS) as pool:
            while batch := list(islice(pairs, _BATCH)):
                mended += sum(
                    pool.map(watch.look, [key for key, found, entry in batch if differ(found, entry)])
                )
                compared += sum(found is not None for _, found, _ in batch)
                self._keep(self._execution, after=batch[-1][0], compared=compared, mended=mended)
                deadline.check(f"{compared} images have been compared")
        self._keep(_COMPLETED, execution=self._execution)
        return {"model": self._model, "images": compared, "mended": mended}

    def _place(self) -> tuple[str, int, int]:
        key = {"pk": f"RECONCILIATION#{self._model}", "sk": self._execution}
        item = self._table.get_item(Key=key, ConsistentRead=True).get("Item")
        return ("", 0, 0) if item is None else (item["after"], int(item["compared"]), int(item["mended"]))

    def _keep(self, sort_key: str, **what: Any) -> None:
        passing = {} if sort_key == _COMPLETED else {"expires": int(time.time()) + _KEPT_SECONDS}
        item = {"pk": f"RECONCILIATION#{self._model}", "sk": sort_key, **what, **passing}
        self._table.put_item(Item=item)


def side_by_side(
    objects: Iterable[Listed], entries: Iterable[Known]
) -> Iterator[tuple[str, Listed | None, Known | None]]:
    """Every key with what the bucket and the ledger have under it; both come in sorted by key."""
    remaining = iter(entries)
    entry = next(remaining, None)
    for found in objects:
        while entry is not None and entry.key < found.key:
            yield entry.key, None, entry
            entry = next(remaining, None)
        if entry is None or entry.key != found.key:
            yield found.key, found, None
            continue
        yield found.key, found, entry
        entry = next(remaining, None)
    while entry is not None:
        yield entry.key, None, entry
        entry = next(remaining, None)


def differ(found: Listed | None, entry: Known | None) -> bool:
    """Whether an image has to be looked at: the listing and the entry may be a moment apart."""
    if entry is None:
        return True
    if found is None:
        return entry.status == FREE or bool(entry.newer)
    if found.etag != entry.etag:
        return entry.newer != found.etag or entry.status in (FREE, GONE)
    if entry.newer or entry.status == GONE:
        return True
    return entry.status in (FREE, IN_ROUND) and not entry.indexed
