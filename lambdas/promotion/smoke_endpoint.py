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
from lambdas.promotion.settings import model_settings
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
    latencies = []
    for image in images:
        name = PurePosixPath(image["file"]).name
        picture = read_bytes(s3, f"{test_set}/images/{name}")
        answer, milliseconds = _ask(runtime, event["endpoint"], component, name, picture)
        problem = wrong_with(answer, image["width"], image["height"], settings.classes)
        if problem:
            raise SmokeTestFailed(f"{event['endpoint']}, {name}: {problem}")
        latencies.append(milliseconds)
    return {"requests": len(latencies), "p50_ms": round(statistics.median(latencies), 1)}


def wrong_with(answer: bytes, width: int, height: int, classes: Sequence[str]) -> str | None:
    """Say what is wrong with an answer about a picture of this size, in pixels; None if nothing is."""
    try:
        document = json.loads(answer)
        size = (document["width"], document["height"])
        detections = document["detections"]
        found = [(item["label"], float(item["score"]), *map(float, item["box"])) for item in detections]
        if size != (width, height):
            return f"the picture is {width}x{height}, the answer says {size[0]}x{size[1]}"
        for label, score, left, top, right, bottom in found:
            if label not in classes:
                return f"unknown class {label!r}"
            if not 0 <= score <= 1:
                return f"score {score} is not between 0 and 1"
            if not (0 <= left < right <= width and 0 <= top < bottom <= height):
                return f"box {[left, top, right, bottom]} is not inside {width}x{height}"
    except (ValueError, KeyError, TypeError) as error:
        return f"not the promised JSON ({error!r}): {answer[:200]!r}"
    return None


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
