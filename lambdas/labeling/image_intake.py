"""Reads images that wait, and takes them for an execution or sets them aside."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from lambdas.common.pictures import UnusablePicture, inspect
from lambdas.labeling.image_entry import FREE, GONE, IN_ROUND, LABELED, QUARANTINED, Content, Entry
from lambdas.labeling.image_ledger import ImageLedger
from lambdas.labeling.payloads import Deadline

MAX_BYTES = 50_000_000
_READERS = 12
_BATCH = 96
_Pair = tuple[Entry, Entry]  # what an image's entry should become, and what it was


class Intake:
    """Takes images for one execution, each by a conditional write, so that nobody else has them."""

    def __init__(self, s3: Any, bucket: str, ledger: ImageLedger, execution: str) -> None:
        self._s3, self._bucket, self._ledger, self._execution = s3, bucket, ledger, execution

    def take(self, waiting: Iterable[Entry], limit: int, deadline: Deadline) -> int:
        """Take up to `limit` in their order, and return how many it were.

        No more of `waiting` is read than it takes. Of equal bytes the first stands for all, the others are
        set aside, which does not count.
        """
        taken, remaining = 0, iter(waiting)
        with ThreadPoolExecutor(_READERS) as pool:
            while batch := list(islice(remaining, min(_BATCH, max(limit - taken, 0)))):
                looked_at = [pair for pair in pool.map(self._look_at, batch) if pair is not None]
                first, repeated = _by_bytes(looked_at)
                taken += sum(pool.map(self._enter, first))
                taken += sum(self._enter(pair) for pair in repeated)
                deadline.check(f"{taken} images have been taken")
        return taken

    def _look_at(self, seen: Entry) -> _Pair | None:
        """The entry that an image should get; None if it is gone."""
        if seen.content is not None and not seen.newer and self._etag_of(seen.key) == seen.etag:
            return self._entry(seen, seen.etag, seen.content), seen
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=seen.key)
        except self._s3.exceptions.NoSuchKey:
            status = GONE if seen.status in (FREE, IN_ROUND) else seen.status
            self._ledger.agree(replace(seen, status=status, newer=""), seen)
            return None
        return self._read(seen, answer), seen

    def _read(self, seen: Entry, answer: dict[str, Any]) -> Entry:
        if answer["ContentLength"] > MAX_BYTES:
            answer["Body"].close()
            reason = f"{answer['ContentLength']} bytes are more than the {MAX_BYTES} that a picture may have"
            return self._unusable(seen, answer["ETag"], reason)
        body = answer["Body"].read()
        try:
            picture = inspect(body)
        except UnusablePicture as error:
            return self._unusable(seen, answer["ETag"], str(error))
        group = answer["Metadata"].get("group", "")
        digest = sha256(body).hexdigest()
        content = Content(digest, picture.width, picture.height, picture.depth, group)
        return self._entry(seen, answer["ETag"], content)

    def _enter(self, pair: _Pair) -> bool:
        """Enter an image in the ledger; True if it is taken. One that somebody else took is left to them."""
        new, seen = pair
        if new.content is None:
            self._ledger.set_aside(new, seen)
            return False
        if seen.status == LABELED and seen.content == new.content:
            self._ledger.agree(replace(seen, etag=new.etag, newer=""), seen)  # uploaded again, the same
            return False
        return self._ledger.claim(new, seen) or self._enter_repeated(new, new.content, seen)

    def _enter_repeated(self, new: Entry, content: Content, seen: Entry) -> bool:
        other = self._ledger.standing_for(content.sha256)
        if other is None or other == new.key:
            return False
        if not self._still_has(other, content.sha256):
            return self._ledger.claim(new, seen, instead_of=other)
        reason = f"the same bytes as s3://{self._bucket}/{other}"
        self._ledger.set_aside(replace(new, status=QUARANTINED, reason=reason), seen)
        return False

    def _still_has(self, key: str, digest: str) -> bool:
        entry = self._ledger.entry(key)
        if entry is None or entry.content is None or entry.content.sha256 != digest:
            return False
        return self._etag_of(key) == entry.etag

    def _etag_of(self, key: str) -> str | None:
        try:
            return str(self._s3.head_object(Bucket=self._bucket, Key=key)["ETag"])
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise

    def _entry(self, seen: Entry, etag: str, content: Content) -> Entry:
        return Entry(seen.key, etag, IN_ROUND, self._execution, content, since=seen.since)

    def _unusable(self, seen: Entry, etag: str, reason: str) -> Entry:
        return Entry(seen.key, etag, QUARANTINED, self._execution, reason=reason, since=seen.since)


def _by_bytes(pairs: Iterable[_Pair]) -> tuple[list[_Pair], list[_Pair]]:
    """Split into the first of each content, which do not meet one another, and the rest."""
    known: set[str] = set()
    first, repeated = [], []
    for pair in pairs:
        content = pair[0].content
        if content is not None and content.sha256 in known:
            repeated.append(pair)
            continue
        first.append(pair)
        if content is not None:
            known.add(content.sha256)
    return first, repeated
