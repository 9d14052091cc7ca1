"""Enters in the ledger what became of images: events of S3 say which to look at, S3 itself says how they are.

In:  a batch of a queue's messages, each an `Object Created` or `Object Deleted` of the images bucket
Out: {"batchItemFailures": [{"itemIdentifier": message id}]}: these come again

An event is taken for a hint only. So it does not matter whether it comes twice, late, or after the one that
followed it; or that the removal of an old version, or of a mark of deletion, is an `Object Deleted` too.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lambdas.common import environment
from lambdas.labeling.image_entry import FREE, GONE, IN_ROUND, Entry, utc
from lambdas.labeling.image_ledger import ImageLedger
from lambdas.labeling.listing import model_of
from lambdas.labeling.payloads import PATIENT
from lambdas.labeling.transactions import Contended

LOOKERS = 12
_ATTEMPTS = 8
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Environment:
    """The labeling table and the bucket of the images."""

    table: str
    images_bucket: str


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Look at each image that the messages name, once."""
    del context
    env = environment.read(Environment)
    s3 = boto3.client("s3", config=PATIENT)
    table = boto3.resource("dynamodb", config=PATIENT).Table(env.table)
    failed: list[str] = []
    named: dict[str, list[str]] = defaultdict(list)
    for record in event["Records"]:
        try:
            named[_key_of(record["body"])].append(record["messageId"])
        except (ValueError, KeyError, TypeError):
            _log.exception("message %s is no event of S3: %.500s", record["messageId"], record["body"])
            failed.append(record["messageId"])

    def notice(key: str, messages: Sequence[str]) -> Sequence[str]:
        model = model_of(key)
        try:
            if model is not None:
                Watch(s3, env.images_bucket, ImageLedger(table, model)).look(key)
        except Exception:  # whatever it is, the other images of the batch are none the worse
            _log.exception("s3://%s/%s was not noticed; its event comes again", env.images_bucket, key)
            return messages
        return ()

    with ThreadPoolExecutor(LOOKERS) as pool:
        for messages in pool.map(notice, named.keys(), named.values()):
            failed.extend(messages)
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def _key_of(body: str) -> str:
    key = json.loads(body)["detail"]["object"]["key"]
    if not isinstance(key, str):
        raise TypeError(f"{key!r} is no key")
    return key


class Watch:
    """Makes the ledger of a model agree with the images bucket, image by image."""

    def __init__(self, s3: Any, bucket: str, ledger: ImageLedger) -> None:
        self._s3, self._bucket, self._ledger = s3, bucket, ledger

    def look(self, key: str) -> bool:
        """Enter how an image is now; False if the ledger says so already. Safe to repeat, and to do at once.

        The entry is read before the image, and replaced only if it is the same still: whoever looked later
        has the last word.
        """
        for _ in range(_ATTEMPTS):
            seen = self._ledger.entry(key)
            new = noticed(key, seen, self._found(key))
            if new is None:
                return False
            if self._ledger.agree(new, seen):
                return True
        raise Contended(f"s3://{self._bucket}/{key}: others kept changing its entry, {_ATTEMPTS} times")

    def _found(self, key: str) -> tuple[str, str] | None:
        try:
            answer = self._s3.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise
        return answer["ETag"], utc(answer["LastModified"])


def noticed(key: str, seen: Entry | None, found: tuple[str, str] | None) -> Entry | None:
    """What to enter of an image; None if `seen` is right. `found` is its ETag and its time, None: no image.

    An image that was labelled, set aside or is in a round stays so when it is deleted.
    """
    if found is None:
        if seen is None or (seen.status != FREE and not seen.newer):
            return None
        return replace(seen, newer="", status=GONE if seen.status == FREE else seen.status)
    etag, since = found
    if seen is None or (seen.etag != etag and seen.status in (FREE, GONE)):
        return Entry(key, etag, FREE, "", since=since)
    if seen.etag != etag:
        return None if seen.newer == etag else replace(seen, newer=etag, since=since)
    if seen.status == GONE:
        return replace(seen, status=FREE, since=since)
    if seen.newer:
        return replace(seen, newer="")
    if seen.status in (FREE, IN_ROUND) and not seen.since:
        return replace(seen, since=since)  # entered before there was an index
    return None
