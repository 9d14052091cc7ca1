"""Tasks and rounds as the page sees them."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lambdas.common.objects import split_uri
from lambdas.labeling import held_tasks
from lambdas.labeling.held_tasks import HeldTasks
from lambdas.labeling.progress import Progress
from lambdas.labeling.task_queue import LEASE_SECONDS, Claimed, TaskQueue, Wanted
from lambdas.labeling.tasks import SETTLE, VERIFY

_LOOKERS = 10
_TRIES = 5


class Pictures:
    """The pictures in their bucket; `s3` signs with version 4, as objects under a KMS key need."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket

    def link(self, key: str) -> str:
        """An address that opens an object of the bucket as long as a lease lasts, and no longer."""
        place = {"Bucket": self._bucket, "Key": key}
        url: str = self._s3.generate_presigned_url("get_object", Params=place, ExpiresIn=LEASE_SECONDS)
        return url

    def are_there(self, uris: list[str]) -> list[bool]:
        """Tell of each picture whether it is still there."""
        with ThreadPoolExecutor(_LOOKERS) as pool:
            return list(pool.map(self._is_there, uris))

    def _is_there(self, uri: str) -> bool:
        bucket, key = split_uri(uri)
        # Asked for by name, an object that is gone looks like one that may not be read; a list does not.
        listed = self._s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
        return [entry["Key"] for entry in listed] == [key]


def hand_out(queue: TaskQueue, held: HeldTasks, pictures: Pictures, wanted: Wanted) -> list[Claimed]:
    """Claim tasks whose pictures are still there; the others are answered in nobody's name."""
    for _ in range(_TRIES):
        claimed = queue.claim(wanted)
        there = pictures.are_there([one.task.image_uri for one in claimed])
        for one, is_there in zip(claimed, there, strict=True):
            if not is_there:
                held.set_aside(one)
        if not claimed or any(there):
            return [one for one, is_there in zip(claimed, there, strict=True) if is_there]
    return []


def task_offered(claimed: Claimed, pictures: Pictures, who: str) -> dict[str, Any]:
    """A task as its holder sees it; the draft only if it is theirs."""
    task, item, of_round = claimed.task, claimed.item, claimed.round
    kind = of_round["kind"]
    offered: dict[str, Any] = {
        "task_id": claimed.task_id,
        "kind": kind,
        "model": of_round["model"],
        "round": claimed.round_id,
        "image_uri": task.image_uri,
        "image_url": pictures.link(split_uri(task.image_uri)[1]),
        "width": task.width,
        "height": task.height,
        "classes": list(of_round["classes"]),
        "leased_until": held_tasks.in_iso(int(item["available_at"])),
    }
    if kind == VERIFY:
        offered["boxes"] = list(task.boxes)
    if kind == SETTLE:
        offered["candidates"] = list(task.candidates)
    for name, value in (("rejected", task.rejected), ("suggested", task.suggested)):
        if value is not None:
            offered[name] = value
    if item.get("drafted_by") == who:
        saved = {"saved_at": item["draft_at"], "sequence": int(item["draft_sequence"])}
        offered["draft"] = {"boxes": json.loads(item["draft"]), **saved}
    return offered


def round_offered(
    round_id: str, item: Mapping[str, Any], progress: Progress, *, who: str, open_to: int
) -> dict[str, Any]:
    """A round and how far it has come; `open` and `mine` are the caller's."""
    mine = progress.by.get(who, {"answered": 0, "skipped": 0})
    return {
        "round": round_id,
        **{name: item.get(name, "") for name in ("model", "kind", "status", "opened_at", "closes_at")},
        "number": int(item.get("number", 0)),
        "total": int(item["total"]),
        "answered": progress.answered,
        "open": open_to,
        "mine": mine,
    }
