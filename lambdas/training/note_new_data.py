"""Notes what is new to train on: a classifier's pictures as they are uploaded, a detector's labels.

In:  a batch of a queue's messages, each an `Object Created` of S3: a picture in the images bucket, or the
     manifest of a labeling execution in the artifacts bucket, which has a line for each approved label
Out: {"batchItemFailures": [{"itemIdentifier": message id}]}: these come again

A picture counts for every model that has its folder as a class: a child, and its parent. An event that comes
twice changes nothing, nor does a manifest that is longer than it was.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import boto3

from lambdas.common import environment, json_lines
from lambdas.training.new_data import NewData, Novelty
from lambdas.training.workflows import Workflow, workflows

_MANIFEST = ".manifest"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Environment:
    """The models, the starts table and the bucket that labels are kept in."""

    models: str
    table: str
    artifacts_bucket: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Note what each message tells of."""
    env = environment.read(Environment)
    counted = [workflow for workflow in workflows(env.models) if workflow.train_at_images]
    new_data = NewData(boto3.resource("dynamodb").Table(env.table))
    s3 = boto3.client("s3")
    failed = []
    for record in event["Records"]:
        try:
            new_data.note(told_by(json.loads(record["body"]), counted, s3, env.artifacts_bucket))
        except Exception:  # whatever it is, the other messages are none the worse
            _log.exception("message %s: %.500s", record["messageId"], record["body"])
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def told_by(
    event: Mapping[str, Any], counted: Sequence[Workflow], s3: Any, artifacts_bucket: str
) -> Iterator[Novelty]:
    """What an event tells of, for each of the models that count."""
    bucket, stored = event["detail"]["bucket"]["name"], event["detail"]["object"]
    key, uri = stored["key"], f"s3://{bucket}/{stored['key']}"
    if bucket != artifacts_bucket:
        at = datetime.fromisoformat(event["time"])
        return (Novelty(model, uri, at, uri) for model in _models_of(key, stored["size"], counted))
    return _labels(s3, uri, [one.model for one in counted if _writes(one, key)])


def _models_of(key: str, size: int, counted: Sequence[Workflow]) -> list[str]:
    """The classifiers that learn from a picture, by the innermost folder that it lies in."""
    folder = key.rpartition("/")[0].rpartition("/")[2]
    if key.endswith("/") or not size:
        return []
    return [
        one.model for one in counted if one.prefix and key.startswith(one.prefix) and folder in one.classes
    ]


def _writes(workflow: Workflow, key: str) -> bool:
    of_model = key.startswith(f"labels/{workflow.model}/")
    return workflow.task == "detection" and of_model and key.endswith(_MANIFEST)


def _labels(s3: Any, manifest: str, models: Sequence[str]) -> Iterator[Novelty]:
    for model in models:
        for line in json_lines.read(s3, manifest):
            yield Novelty(model, line["source-ref"], datetime.fromisoformat(line["event-time"]), manifest)
