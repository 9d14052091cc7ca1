"""Where every image stands with its label, known at once: the offline store lags by up to 15 minutes.

Items of the labeling table, and its index `Images` (images, turn), which holds what waits and what is in a
round, and none of the labelled ones:

    pk IMAGES#<model>  sk <key>      one an image: `status`, `execution`, `etag`, `newer`, `since`, `version`,
                                     `sha256`, `width`, `height`, `depth`, `object_group`, `reason`;
                                     images `free#<model>`, turn: its place in the queue; or
                                     images `in_round#<model>`, turn: the execution
    pk BYTES#<model>   sk <sha256>   `key`: the image that stands for these bytes
    pk TAKEN#<execution>  sk <key>   the image as this execution took it or set it aside

An image is its key and its ETag: overwritten, it is a new image. Its status is IN_ROUND (an execution is
having it labelled), LABELED, QUARANTINED, GONE (deleted before it was labelled), or FREE: new, or nobody
agreed on its label. `newer` is the ETag of what was uploaded over it since; it then waits too, unless it is
in a round. So does one IN_ROUND for an execution that no longer runs: what dies half-way gives its images
back without having to do anything. Every change is conditional on what was seen.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from boto3.dynamodb.conditions import Key

from lambdas.common.counting import count_up_to
from lambdas.labeling.image_entry import (
    FREE,
    IN_ROUND,
    LABELED,
    QUARANTINED,
    Content,
    Entry,
    Known,
    entry_of,
    item_of,
    taken_item,
)
from lambdas.labeling.transactions import transact

__all__ = ["FREE", "IN_ROUND", "LABELED", "QUARANTINED", "Content", "Entry", "ImageLedger"]

IMAGES_INDEX = "Images"
_PAGE = 500


class ImageLedger:
    """The images of one model in the labeling table (a boto3 Table)."""

    def __init__(self, table: Any, model: str) -> None:
        self._table, self._model = table, model

    def known(self, after: str = "") -> Iterator[Known]:
        """What is known of every image, sorted by key as S3 lists keys, from the one after `after` on."""
        names = {f"#{name}": name for name in ("sk", "etag", "newer", "status", "images")}
        place = Key("pk").eq(self._images)
        pages = self._pages(
            KeyConditionExpression=place & Key("sk").gt(after) if after else place,
            ProjectionExpression=", ".join(names),
            ExpressionAttributeNames=names,
            ConsistentRead=True,
        )
        for item in pages:
            newer = item.get("newer", "")
            yield Known(item["sk"], item["etag"], newer, item["status"], "images" in item)

    def free(self) -> Iterator[Entry]:
        """The images that wait for a round, who waits longest first; by the index, so a moment late."""
        return self._indexed(FREE)

    def holders(self) -> Iterator[str]:
        """The executions that have images in a round; one short read for each."""
        after = ""
        while True:
            place = Key("images").eq(f"{IN_ROUND}#{self._model}")
            query = {"KeyConditionExpression": place & Key("turn").gt(after) if after else place}
            found = self._table.query(IndexName=IMAGES_INDEX, Limit=1, **query)["Items"]
            if not found:
                return
            after = found[0]["execution"]
            yield after

    def held_by(self, execution: str) -> Iterator[Entry]:
        """The images that an execution has in a round, by the index."""
        return self._indexed(IN_ROUND, Key("turn").eq(execution))

    def waiting(self, limit: int) -> int:
        """How many images wait, or `limit` if there are more: no more than these are counted."""
        return count_up_to(self._table, limit, **self._in_index(FREE))

    def taken_by(self, execution: str) -> Iterator[Entry]:
        """The images that an execution took or set aside, as they were then, read consistently."""
        pages = self._pages(KeyConditionExpression=Key("pk").eq(f"TAKEN#{execution}"), ConsistentRead=True)
        return (entry_of(item) for item in pages)

    def entry(self, key: str) -> Entry | None:
        """One image's entry, read consistently; None if nobody has noticed it."""
        item = self._get(self._images, key)
        return None if item is None else entry_of(item)

    def change(self, new: Entry, seen: Entry | None) -> bool:
        """Replace `seen` (None: no entry) by `new`; False, with nothing changed, if it has moved on.

        What was uploaded over the image in between does not count as moving on, and stays noticed.
        """
        while not transact(self._table, self._replace(new, seen)):
            now = self.entry(new.key)
            if seen is None or now is None or not _stands_as(now, seen):
                return False
            new, seen = replace(new, newer=now.newer, since=now.since), now
        return True

    def agree(self, new: Entry, seen: Entry | None) -> bool:
        """Replace `seen` (None: no entry) by `new`; False if anything at all was written in between."""
        return transact(self._table, self._replace(new, seen))

    def set_aside(self, new: Entry, seen: Entry) -> bool:
        """Enter an image that its execution cannot use, and let `taken_by` tell of it."""
        return transact(self._table, self._replace(new, seen), self._taken(new))

    def claim(self, new: Entry, seen: Entry, *, instead_of: str | None = None) -> bool:
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
        return transact(self._table, stands_for, self._replace(new, seen), self._taken(new))

    def standing_for(self, sha256: str) -> str | None:
        """The key of the image that stands for these bytes."""
        item = self._get(f"BYTES#{self._model}", sha256)
        return None if item is None else str(item["key"])

    @property
    def _images(self) -> str:
        return f"IMAGES#{self._model}"

    def _in_index(self, status: str, turn: Any = None) -> dict[str, Any]:
        place = Key("images").eq(f"{status}#{self._model}")
        condition = place if turn is None else place & turn
        return {"IndexName": IMAGES_INDEX, "KeyConditionExpression": condition}

    def _indexed(self, status: str, turn: Any = None) -> Iterator[Entry]:
        return (entry_of(item) for item in self._pages(Limit=_PAGE, **self._in_index(status, turn)))

    def _pages(self, **query: Any) -> Iterator[dict[str, Any]]:
        """The items that a query finds, page by page as they are asked for."""
        while True:
            page = self._table.query(**query)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _get(self, pk: str, sk: str) -> dict[str, Any] | None:
        client = self._table.meta.client  # clients are safe to share between threads, Tables are not
        answer = client.get_item(TableName=self._table.name, Key={"pk": pk, "sk": sk}, ConsistentRead=True)
        found: dict[str, Any] | None = answer.get("Item")
        return found

    def _taken(self, new: Entry) -> dict[str, Any]:
        return {"Put": {"TableName": self._table.name, "Item": taken_item(new)}}

    def _replace(self, new: Entry, seen: Entry | None) -> dict[str, Any]:
        version = 1 if seen is None else seen.version + 1
        item = {"pk": self._images, **item_of(replace(new, version=version), self._model)}
        put: dict[str, Any] = {"TableName": self._table.name, "Item": item}
        if seen is None:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        elif seen.version == 0:  # written before there were versions
            put["ConditionExpression"] = "attribute_exists(pk) AND attribute_not_exists(#version)"
            put["ExpressionAttributeNames"] = {"#version": "version"}
        else:
            put["ConditionExpression"] = "#version = :version"
            put["ExpressionAttributeNames"] = {"#version": "version"}
            put["ExpressionAttributeValues"] = {":version": seen.version}
        return {"Put": put}


def _stands_as(now: Entry, seen: Entry) -> bool:
    return (now.status, now.execution, now.etag) == (seen.status, seen.execution, seen.etag)
