"""Send a few pictures of the test set to an endpoint and look at the answers."""

import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.objects import read_bytes, read_json
from lambdas.promotion.settings import ModelSettings, model_settings
from lambdas.promotion.workload import workload

PICTURES = 3
CONTENT_TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}


class SmokeTestFailed(Exception):  # noqa: N818 - the name that the state machine reports
    """An answer is not what the endpoint has promised."""


@dataclass(frozen=True)
class Environment:
    """The configured models, and the environments."""

    models: str
    workloads: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Ask the endpoint.

    In: {"package": what read_model_package gave, "environment", "execution", "endpoint"}.
    Out: {"requests", "p50_ms"}. Raises SmokeTestFailed.
    """
    package = event["package"]
    configured = environment.read(Environment)
    settings = model_settings(configured.models, package["model"])
    there = workload(configured.workloads, event["environment"]).enter(event["execution"])
    s3, runtime = boto3.client("s3"), there.client("sagemaker-runtime")
    component = settings.endpoints[event["environment"]].component_name
    test_set = package["test_set"].rstrip("/")
    images = read_json(s3, f"{test_set}/labels.json")["images"][:PICTURES]
    if not images:
        raise SmokeTestFailed(f"{test_set} has no picture to ask with")
    classes, label_map = _may_answer(s3, test_set, settings)
    latencies = []
    for image in images:
        name = PurePosixPath(image["file"]).name
        picture = read_bytes(s3, f"{test_set}/images/{name}")
        answer, milliseconds = _ask(runtime, event["endpoint"], component, name, picture)
        problem = wrong_with(answer, (image["width"], image["height"]), classes, label_map)
        if problem:
            raise SmokeTestFailed(f"{event['endpoint']}, {name}: {problem}")
        latencies.append(milliseconds)
    return {"requests": len(latencies), "p50_ms": round(statistics.median(latencies), 1)}


def wrong_with(
    answer: bytes, size: tuple[int, int], classes: Sequence[str], label_map: str | None = None
) -> str | None:
    """Say what is wrong with an answer about a picture of this width and height; None if nothing is.

    `label_map` is the hash of a classifier's labels; a detector has none.
    """
    try:
        document = json.loads(answer)
        width, height = document["width"], document["height"]
        if (width, height) != size:
            return f"the picture is {size[0]}x{size[1]}, the answer says {width}x{height}"
        if label_map is None:
            problems = (_wrong_with_detection(found, size, classes) for found in document["detections"])
            return next((problem for problem in problems if problem), None)
        if document["label_map_sha256"] != label_map:
            return f"it answers by the label map {document['label_map_sha256']}, registered {label_map}"
        if not document["labels"]:
            return "it names nothing"
        problems = (_wrong_with_label(found, classes) for found in document["labels"])
        return next((problem for problem in problems if problem), None)
    except (ValueError, KeyError, TypeError) as error:
        return f"not the promised JSON ({error!r}): {answer[:200]!r}"


def _wrong_with_label(found: Mapping[str, Any], classes: Sequence[str]) -> str | None:
    label, score = found["label"], float(found["score"])
    if label not in classes:
        return f"unknown class {label!r}"
    return None if 0 <= score <= 1 else f"score {score} is not between 0 and 1"


def _wrong_with_detection(
    found: Mapping[str, Any], size: tuple[int, int], classes: Sequence[str]
) -> str | None:
    left, top, right, bottom = map(float, found["box"])
    if problem := _wrong_with_label(found, classes):
        return problem
    if 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]:
        return None
    return f"box {[left, top, right, bottom]} is not inside {size[0]}x{size[1]}"


def _may_answer(s3: Any, test_set: str, settings: ModelSettings) -> tuple[Sequence[str], str | None]:
    """Give what a model may answer. A classifier's is its own label map: the configuration may be ahead."""
    if settings.task == "detection":
        return settings.classes, None
    label_map = read_json(s3, f"{test_set}/label_map.json")
    return label_map["labels"], label_map["sha256"]


def _ask(
    runtime: Any, endpoint: str, component: str | None, name: str, picture: bytes
) -> tuple[bytes, float]:
    content_type = CONTENT_TYPES.get(PurePosixPath(name).suffix.lower(), "application/x-image")
    began = time.perf_counter()
    response = runtime.invoke_endpoint(
        EndpointName=endpoint,
        Body=picture,
        ContentType=content_type,
        Accept="application/json",
        **({"InferenceComponentName": component} if component else {}),
    )
    answer: bytes = response["Body"].read()
    return answer, (time.perf_counter() - began) * 1000
