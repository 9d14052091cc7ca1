"""What a labeling job of Ground Truth came to, read from where it writes: whole, in part, or not at all."""

import json
import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from lambdas.common.objects import read_bytes, split_uri
from lambdas.labeling.augmented_manifest import Line, read
from lambdas.labeling.labeling_jobs import ATTRIBUTES, NUMBER, LabelingJob
from lambdas.labeling.manifest_labels import Label

_READERS = 16
_NOT_THERE = ("NoSuchKey", "404")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Worker:
    """Who answered an object of a job, and for how long."""

    name: str
    seconds: float | None


class JobResults:
    """The job's label or verdict of each image, by the image's number; `fields` are the lines that have one.

    `reasons` says why others have none, where the job said so.
    """

    def __init__(self, job: LabelingJob, lines: Iterator[Line]) -> None:
        self.labels: dict[int, Label] = {}
        self.fields: dict[int, Mapping[str, Any]] = {}
        self.reasons: dict[int, str] = {}
        for line in lines:
            number = line.fields.get(NUMBER)
            own = [label for label in line.labels if label.attribute == ATTRIBUTES[job.kind]]
            if not isinstance(number, int) or not own:
                continue
            if reason := own[0].failure or own[0].problem:
                self.reasons[number] = reason
            else:
                self.labels[number], self.fields[number] = own[0], line.fields

    @classmethod
    def read(cls, s3: Any, job: LabelingJob) -> "JobResults":
        """Read the output manifest; of a job that has none, what it wrote while it ran."""
        written = _text(s3, f"{job.folder}/manifests/output/output.manifest")
        if written is not None:
            return cls(job, _lines(job, [written]))
        uris = [
            uri for uri in _under(s3, f"{job.folder}/annotations/intermediate/") if uri.endswith(".manifest")
        ]
        return cls(job, _lines(job, [_text(s3, uri) or "" for uri in sorted(uris)]))


def workers(s3: Any, job: LabelingJob, numbers: list[int]) -> dict[int, list[Worker]]:
    """Who answered for each image, by its number; `numbers` are the input manifest's, line by line.

    The folder of a picture's answers is called by its line in the input manifest, from 0.
    """
    uris = [uri for uri in _under(s3, f"{job.folder}/annotations/worker-response/") if uri.endswith(".json")]
    with ThreadPoolExecutor(_READERS) as pool:
        texts = list(pool.map(lambda uri: _text(s3, uri) or "{}", uris))
    found: dict[int, list[Worker]] = {}
    for uri, text in zip(uris, texts, strict=True):
        place = uri.rsplit("/", 2)[1]
        if place.isdecimal() and int(place) < len(numbers):
            found.setdefault(numbers[int(place)], []).extend(_workers(text))
    return found


def _workers(text: str) -> Iterator[Worker]:
    """A file holds one worker's answer, or a list of them as `answers`."""
    try:
        document = json.loads(text)
        answers = document.get("answers", [document])
        for answer in answers:
            identity = answer.get("workerMetadata", {}).get("identityData", {})
            name = identity.get("sub") or answer.get("workerId")
            if name:
                seconds = answer.get("timeSpentInSeconds")
                yield Worker(str(name), float(seconds) if isinstance(seconds, int | float) else None)
    except (ValueError, AttributeError, TypeError) as error:
        _log.warning("a worker's answer cannot be read, and has no name: %r", error)


def _lines(job: LabelingJob, texts: list[str]) -> Iterator[Line]:
    for text in texts:
        for found in read(text):
            if isinstance(found, Line):
                yield found
            else:
                _log.warning("%s: line %d of its output: %s", job.name, *found)


def _text(s3: Any, uri: str) -> str | None:
    try:
        return read_bytes(s3, uri).decode("utf-8-sig")
    except ClientError as error:
        if error.response["Error"]["Code"] in _NOT_THERE:
            return None
        raise


def _under(s3: Any, uri: str) -> Iterator[str]:
    bucket, prefix = split_uri(uri)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from (f"s3://{bucket}/{item['Key']}" for item in page.get("Contents", []))
