"""What a labeling job writes: the output manifest and the workers' answers, in Ground Truth's own form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from local.sagemaker.labeling.workteam import Answer, Failure, Result, Task

_TYPES = {"label": "groundtruth/object-detection", "verify": "groundtruth/label-verification"}


def line(result: Result, *, attribute: str, size: Sequence[int], at: datetime) -> dict[str, Any]:
    """The output line: the input's, and under the attribute what was answered; unanswered, it is plain."""
    given, task = result.given, result.task
    if given is None:
        return dict(task.line)
    metadata = {
        "type": _TYPES[task.kind],
        "human-annotated": "yes",
        "creation-date": f"{at:%Y-%m-%dT%H:%M:%S.%f}",
        "job-name": f"labeling-job/{task.job}",
    }
    if isinstance(given, Failure):
        return {**task.line, f"{attribute}-metadata": {**metadata, "failure-reason": given.reason}}
    value, more = _boxes(given, task, size) if task.kind == "label" else _verdict(given, task)
    return {**task.line, attribute: value, f"{attribute}-metadata": {**more, **metadata}}


def worker_response(given: Answer, at: datetime) -> str:
    """The file of one worker's answer, of a private team whose members Cognito knows."""
    moment = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
    identity = {"identityProviderType": "Cognito", "issuer": "https://local", "sub": given.worker}
    answer = {
        "acceptanceTime": moment,
        "submissionTime": moment,
        "timeSpentInSeconds": given.seconds,
        "workerId": f"private.local.{given.worker}",
        "workerMetadata": {"identityData": identity},
        "answerContent": {},
    }
    return json.dumps({"answers": [answer]})


def _boxes(given: Answer, task: Task, size: Sequence[int]) -> tuple[Any, Mapping[str, Any]]:
    height, width, depth = size
    annotations = [
        {
            "class_id": task.categories.index(box["label"]),
            **{side: box[side] for side in ("top", "left", "height", "width")},
        }
        for box in given.boxes
    ]
    used = sorted({annotation["class_id"] for annotation in annotations})
    value = {"image_size": [{"width": width, "height": height, "depth": depth}], "annotations": annotations}
    return value, {
        "objects": [{"confidence": 0} for _ in annotations],
        "class-map": {str(number): task.categories[number] for number in used},
    }


def _verdict(given: Answer, task: Task) -> tuple[Any, Mapping[str, Any]]:
    feedback = {"worker-feedback": [{"comment": given.comment}]} if given.comment else {}
    more = {"class-name": given.verdict, "confidence": 0, **feedback}
    return task.categories.index(given.verdict), more
