"""An image of the ledger: how it stands, its place in the queue, and the item that keeps it."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

IN_ROUND, LABELED, QUARANTINED, FREE, GONE = "in_round", "labeled", "quarantined", "free", "gone"

# What a device was unsure of teaches a model most, but must not keep what people upload waiting for ever.
HEAD_START = timedelta(days=7)
_LONGEST_TURN = 1000  # bytes; the sort key of an index has 1024
_KEPT_SECONDS = 180 * 24 * 3600


@dataclass(frozen=True)
class Content:
    """What an image's bytes are: upright size in pixels, and the physical object if the upload named it."""

    sha256: str
    width: int
    height: int
    depth: int
    object_group: str = ""


@dataclass(frozen=True)
class Entry:
    """An image as it stands in the ledger; `content` is None where its bytes were not read, or are no use.

    `since` is the UTC time of the upload that it waits with. `version` counts the writes of the entry.
    """

    key: str
    etag: str
    status: str
    execution: str
    content: Content | None = None
    reason: str = ""
    since: str = ""
    newer: str = ""
    version: int = 0


class Known(NamedTuple):
    """As much of an entry as a comparison with the bucket needs; `indexed`: whether it is in the index."""

    key: str
    etag: str
    newer: str
    status: str
    indexed: bool


def turn(key: str, since: str) -> str:
    """Where an image stands in the queue: by the time of its upload, then by its key.

    What a device returned goes before what was uploaded up to `HEAD_START` earlier.
    """
    if since and key.split("/")[2:3] == ["returned"]:
        since = utc(datetime.fromisoformat(since) - HEAD_START)
    return f"{since}#{key}".encode()[:_LONGEST_TURN].decode(errors="ignore")


def utc(moment: datetime) -> str:
    """A time as the ledger writes it, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def item_of(entry: Entry, model: str) -> dict[str, Any]:
    """The attributes of an entry's item, all but its partition key."""
    item = {
        "sk": entry.key,
        "etag": entry.etag,
        "status": entry.status,
        "execution": entry.execution,
        "reason": entry.reason,
        "since": entry.since,
        "version": entry.version,
        **({} if entry.content is None else vars(entry.content)),
    }
    if entry.newer:
        item["newer"] = entry.newer
    if entry.status == IN_ROUND:
        return {**item, "images": f"{IN_ROUND}#{model}", "turn": entry.execution}
    if entry.status == FREE or entry.newer:
        return {**item, "images": f"{FREE}#{model}", "turn": turn(entry.key, entry.since)}
    return item


def taken_item(entry: Entry) -> dict[str, Any]:
    """The item that tells what an execution did with an image; it is in no index, and expires."""
    content = {} if entry.content is None else vars(entry.content)
    return {
        "pk": f"TAKEN#{entry.execution}",
        "sk": entry.key,
        "etag": entry.etag,
        "status": entry.status,
        "execution": entry.execution,
        "reason": entry.reason,
        "expires": int(time.time()) + _KEPT_SECONDS,
        **content,
    }


def entry_of(item: dict[str, Any]) -> Entry:
    """The entry that an item of the table or its index keeps."""
    content = None
    if "sha256" in item:
        sizes = {name: int(item[name]) for name in ("width", "height", "depth")}
        content = Content(sha256=item["sha256"], object_group=item["object_group"], **sizes)
    return Entry(
        key=item["sk"],
        etag=item["etag"],
        status=item["status"],
        execution=item["execution"],
        content=content,
        reason=item["reason"],
        since=item.get("since", ""),
        newer=item.get("newer", ""),
        version=int(item.get("version", 0)),
    )
