"""Takes every image that has no label, and that no running execution is having labelled, for this execution.

In:  {"execution": ARN, "model": "tags"}
Out: {"execution", "model", "classes": ["scratch"], "round": 1, "count": n}; the images are in
     `Lists.images(1)`, what was set aside and why is in `Lists.set_aside`.

New images are read once: what cannot be used is set aside. Images are taken in the ledger one by one, so
that a second attempt (`OutOfTime`) goes on where the first stopped, and two executions at once share the
new images.
"""

import functools
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lambdas.common import environment, json_lines
from lambdas.common.pictures import UnusablePicture, inspect
from lambdas.labeling.image_ledger import FREE, IN_ROUND, LABELED, QUARANTINED, Content, Entry, ImageLedger
from lambdas.labeling.payloads import PATIENT, Deadline, Lists
from lambdas.labeling.rounds import Rounds

MAX_BYTES = 50_000_000
_READERS = 12
_BATCH = 96


class UnknownModel(Exception):  # noqa: N818 - the state machine reports it by this name
    """The execution's input names a model that the configuration does not."""


@dataclass(frozen=True)
class Environment:
    """`model_classes` is JSON: {"tags": ["scratch"]}."""

    table: str
    images_bucket: str
    artifacts_bucket: str
    model_classes: str


@dataclass(frozen=True)
class Listed:
    """An object of the images bucket as S3 lists it."""

    key: str
    etag: str
    size: int


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Find the images and write their list."""
    env = environment.read(Environment)
    model, execution = event["model"], event["execution"]
    classes = classes_of(model, json.loads(env.model_classes))
    s3 = boto3.client("s3", config=PATIENT)
    table = boto3.resource("dynamodb", config=PATIENT).Table(env.table)
    states = boto3.client("stepfunctions")
    is_running = running(states)
    close_rounds_of_the_dead(Rounds(table, states), is_running)
    ledger = ImageLedger(table, model)
    intake = Intake(s3, env.images_bucket, ledger, execution)
    objects = listed(s3, env.images_bucket, model)
    intake.take(open_images(objects, ledger.entries(), execution, is_running), Deadline(context))
    lists = Lists(env.artifacts_bucket, model, execution)
    count = _write_lists(s3, lists, env.images_bucket, ledger)
    return {"execution": execution, "model": model, "classes": classes, "round": 1, "count": count}


def classes_of(model: Any, known: dict[str, list[str]]) -> list[str]:
    """The classes of a model; UnknownModel names those there are."""
    if not isinstance(model, str) or model not in known:
        raise UnknownModel(f"{model!r} is not a model; start the execution with one of {', '.join(known)}")
    return known[model]


def running(states: Any) -> Callable[[str], bool]:
    """Tell whether an execution still runs, or may be taken up again; asked once an execution."""

    @functools.cache
    def is_running(execution: str) -> bool:
        try:
            status = states.describe_execution(executionArn=execution)["status"]
        except states.exceptions.ExecutionDoesNotExist:
            return False
        return status in ("RUNNING", "PENDING_REDRIVE")

    return is_running


def close_rounds_of_the_dead(rounds: Rounds, is_running: Callable[[str], bool]) -> None:
    """Withdraw the tasks of executions that no longer run: nobody shall work for nothing."""
    for untold in rounds.untold():
        if not is_running(untold["execution"]):
            rounds.close(untold["round"])


def listed(s3: Any, bucket: str, model: str) -> Iterator[Listed]:
    """The objects under images/<model>/ by key, page by page; not the folders' own markers."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"images/{model}/")
    for page in pages:
        for item in page.get("Contents", []):
            if not item["Key"].endswith("/"):
                yield Listed(item["Key"], item["ETag"], item["Size"])


def open_images(
    objects: Iterable[Listed], entries: Iterable[Entry], execution: str, is_running: Callable[[str], bool]
) -> Iterator[tuple[Listed, Entry | None]]:
    """The objects that `execution` may take, with their ledger entry; both come in sorted by key."""
    remaining = iter(entries)
    entry = next(remaining, None)
    for found in objects:
        while entry is not None and entry.key < found.key:
            entry = next(remaining, None)
        seen = entry if entry is not None and entry.key == found.key else None
        if seen is None or _is_open(found, seen, execution, is_running):
            yield found, seen


def _is_open(found: Listed, seen: Entry, execution: str, is_running: Callable[[str], bool]) -> bool:
    if seen.status == IN_ROUND and seen.execution != execution:
        return not is_running(seen.execution)
    return seen.status == FREE or seen.etag != found.etag


class Intake:
    """Reads images and takes them, or sets them aside, for one execution."""

    def __init__(self, s3: Any, bucket: str, ledger: ImageLedger, execution: str) -> None:
        self._s3, self._bucket, self._ledger, self._execution = s3, bucket, ledger, execution

    def take(self, images: Iterable[tuple[Listed, Entry | None]], deadline: Deadline) -> None:
        """Take them in batches; of equal bytes the first key stands for all, the others are set aside."""
        done = 0
        with ThreadPoolExecutor(_READERS) as pool:
            for batch in _batches(images):
                looked_at = [pair for pair in pool.map(self._look_at, batch) if pair is not None]
                first, repeated = _by_bytes(looked_at)
                list(pool.map(self._enter, first))
                for pair in repeated:
                    self._enter(pair)
                done += len(batch)
                deadline.check(f"{done} new images have been taken")

    def _look_at(self, image: tuple[Listed, Entry | None]) -> tuple[Entry, Entry | None] | None:
        """The entry that an image should get; None if it is gone."""
        found, seen = image
        if seen is not None and seen.content is not None and seen.etag == found.etag:
            return self._entry(found.key, found.etag, seen.content), seen
        if found.size > MAX_BYTES:
            reason = f"{found.size} bytes are more than the {MAX_BYTES} that a picture may have"
            return self._set_aside(found.key, found.etag, reason), seen
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=found.key)
        except self._s3.exceptions.NoSuchKey:
            return None
        return self._read(found.key, answer), seen

    def _read(self, key: str, answer: dict[str, Any]) -> Entry:
        body = answer["Body"].read()
        try:
            picture = inspect(body)
        except UnusablePicture as error:
            return self._set_aside(key, answer["ETag"], str(error))
        group = answer["Metadata"].get("group", "")
        digest = sha256(body).hexdigest()
        content = Content(digest, picture.width, picture.height, picture.depth, group)
        return self._entry(key, answer["ETag"], content)

    def _enter(self, pair: tuple[Entry, Entry | None]) -> None:
        """Enter an image in the ledger. One that somebody else took meanwhile is left to them."""
        new, seen = pair
        if new.content is None:
            self._ledger.change(new, seen)
        elif seen is not None and seen.status == LABELED and seen.content == new.content:
            self._ledger.change(replace(seen, etag=new.etag), seen)  # uploaded again, the same
        elif not self._ledger.claim(new, seen):
            self._enter_repeated(new, new.content, seen)

    def _enter_repeated(self, new: Entry, content: Content, seen: Entry | None) -> None:
        other = self._ledger.standing_for(content.sha256)
        if other is None or other == new.key:
            return
        if self._still_has(other, content.sha256):
            reason = f"the same bytes as s3://{self._bucket}/{other}"
            self._ledger.change(replace(new, status=QUARANTINED, reason=reason), seen)
        else:
            self._ledger.claim(new, seen, instead_of=other)

    def _still_has(self, key: str, digest: str) -> bool:
        entry = self._ledger.entry(key)
        if entry is None or entry.content is None or entry.content.sha256 != digest:
            return False
        try:
            return bool(self._s3.head_object(Bucket=self._bucket, Key=key)["ETag"] == entry.etag)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return False
            raise

    def _entry(self, key: str, etag: str, content: Content) -> Entry:
        return Entry(key, etag, IN_ROUND, self._execution, content)

    def _set_aside(self, key: str, etag: str, reason: str) -> Entry:
        return Entry(key, etag, QUARANTINED, self._execution, reason=reason)


def _batches(
    images: Iterable[tuple[Listed, Entry | None]],
) -> Iterator[list[tuple[Listed, Entry | None]]]:
    remaining = iter(images)
    while batch := list(islice(remaining, _BATCH)):
        yield batch


def _by_bytes(
    pairs: Iterable[tuple[Entry, Entry | None]],
) -> tuple[list[tuple[Entry, Entry | None]], list[tuple[Entry, Entry | None]]]:
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


def _write_lists(s3: Any, lists: Lists, bucket: str, ledger: ImageLedger) -> int:
    """List what the ledger now says is this execution's; equal for every attempt that gets here."""
    images: list[dict[str, Any]] = []
    set_aside: list[dict[str, Any]] = []
    for entry in ledger.entries():
        if entry.execution != lists.execution:
            continue
        row = {"uri": f"s3://{bucket}/{entry.key}"}
        if entry.status == IN_ROUND and entry.content is not None:
            images.append({**row, **vars(entry.content)})
        elif entry.status == QUARANTINED:
            digest = {} if entry.content is None else {"sha256": entry.content.sha256}
            set_aside.append({**row, **digest, "reason": entry.reason})
    json_lines.write(s3, lists.set_aside, set_aside)
    return json_lines.write(s3, lists.images(1), images)
