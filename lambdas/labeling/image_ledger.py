"""Where every image stands with its label, known at once: the offline store lags by up to 15 minutes.

Items of the labeling table:

    pk IMAGES#<model>  sk <key>      one an image that has been looked at: `status`, `execution`, `etag`,
                                     `sha256`, `width`, `height`, `depth`, `object_group`, `reason`
    pk BYTES#<model>   sk <sha256>   `key`: the image that stands for these bytes

An image is its key and its ETag: overwritten, it is a new image. Its status is IN_ROUND (an execution is
having it labelled), LABELED, QUARANTINED, or FREE (nobody agreed on its label; the next execution takes
it). An image with no item is free too, and so is one IN_ROUND for an execution that no longer runs: what
dies half-way gives its images back without having to do anything. Every change is conditional on what was
seen.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.conditions import Key

from lambdas.labeling.transactions import transact

IN_ROUND, LABELED, QUARANTINED, FREE = "in_round", "labeled", "quarantined", "free"


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
    """An image as it stands in the ledger; `content` is None where its bytes could not be used."""

    key: str
    etag: str
    status: str
    execution: str
    content: Content | None = None
    reason: str = ""


class ImageLedger:
    """The images of one model in the labeling table (a boto3 Table)."""

    def __init__(self, table: Any, model: str) -> None:
        self._table, self._model = table, model

    def entries(self) -> Iterator[Entry]:
        """Every image's entry, sorted by key as S3 lists keys, read consistently and page by page."""
        query: dict[str, Any] = {
            "KeyConditionExpression": Key("pk").eq(self._images),
            "ConsistentRead": True,
        }
        while True:
            page = self._table.query(**query)
            yield from (_entry(item) for item in page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def entry(self, key: str) -> Entry | None:
        """One image's entry, read consistently; None if nobody has looked at it."""
        item = self._get(self._images, key)
        return None if item is None else _entry(item)

    def change(self, new: Entry, seen: Entry | None) -> bool:
        """Replace `seen` (None: no entry) by `new`; False, with nothing changed, if it has moved on."""
        return transact(self._table, self._replace(new, seen))

    def claim(self, new: Entry, seen: Entry | None, *, instead_of: str | None = None) -> bool:
        """Take an image for a round, and make it stand for its bytes; False if either belongs to another.

        `instead_of` names an image that stood for these bytes and no longer has them.
        """
        if new.content is None:
            raise ValueError(f"{new.key} has no content: it cannot be labelled")
        stands_for = {
            "Put": {
                "TableName": self._table.name,
                "Item": {"pk": f"BYTES#{self._model}", "sk": new.content.sha256, "key": new.key},
                "ConditionExpression": "attribute_not_exists(pk) OR #key IN (:mine, :gone)",
                "ExpressionAttributeNames": {"#key": "key"},
                "ExpressionAttributeValues": {":mine": new.key, ":gone": instead_of or new.key},
            }
        }
        return transact(self._table, stands_for, self._replace(new, seen))

    def standing_for(self, sha256: str) -> str | None:
        """The key of the image that stands for these bytes."""
        item = self._get(f"BYTES#{self._model}", sha256)
        return None if item is None else str(item["key"])

    @property
    def _images(self) -> str:
        return f"IMAGES#{self._model}"

    def _get(self, pk: str, sk: str) -> dict[str, Any] | None:
        client = self._table.meta.client  # clients are safe to share between threads, Tables are not
        answer = client.get_item(TableName=self._table.name, Key={"pk": pk, "sk": sk}, ConsistentRead=True)
        found: dict[str, Any] | None = answer.get("Item")
        return found

    def _replace(self, new: Entry, seen: Entry | None) -> dict[str, Any]:
        put = {"TableName": self._table.name, "Item": {"pk": self._images, **_item(new)}}
        if seen is None:
            return {"Put": {**put, "ConditionExpression": "attribute_not_exists(pk)"}}
        unchanged = {
            "ConditionExpression": "#status = :status AND #execution = :execution AND #etag = :etag",
            "ExpressionAttributeNames": {"#status": "status", "#execution": "execution", "#etag": "etag"},
            "ExpressionAttributeValues": {
                ":status": seen.status,
                ":execution": seen.execution,
                ":etag": seen.etag,
            },
        }
        return {"Put": {**put, **unchanged}}


def _item(entry: Entry) -> dict[str, Any]:
    content = {} if entry.content is None else vars(entry.content)
    return {
        "sk": entry.key,
        "etag": entry.etag,
        "status": entry.status,
        "execution": entry.execution,
        "reason": entry.reason,
        **content,
    }


def _entry(item: dict[str, Any]) -> Entry:
    content = None
    if "sha256" in item:
        sizes = {name: int(item[name]) for name in ("width", "height", "depth")}
        content = Content(sha256=item["sha256"], object_group=item["object_group"], **sizes)
    return Entry(item["sk"], item["etag"], item["status"], item["execution"], content, item["reason"])
