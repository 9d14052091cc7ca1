"""Compare what staging answered on the frozen test set with what was registered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.objects import read_json
from lambdas.promotion.settings import model_settings

METRICS = ("map50", "map50_95")


class StagingTestFailed(Exception):  # noqa: N818 - the name that the state machine reports
    """The staging endpoint does not answer as the registered model did."""


@dataclass(frozen=True)
class Environment:
    """The configured models, with the tolerance of each."""

    models: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Judge the staging test.

    In: {"package": what read_model_package gave, "endpoint"}.
    Out: {"map50", "map50_95", "registered": {"map50", "map50_95"}, "images", "requests", "p50_ms",
    "tolerance", "results"}. Raises StagingTestFailed with every difference.
    """
    package = event["package"]
    settings = model_settings(environment.read(Environment).models, package["model"])
    s3 = boto3.client("s3")
    registered = read_json(s3, package["evaluation"])
    measured = read_json(s3, f"{package['test']['results']}/evaluation.json")
    problems = differences(registered, measured, endpoint=event["endpoint"], tolerance=settings.tolerance)
    if problems:
        raise StagingTestFailed("; ".join(problems))
    return {
        **{metric: measured[metric] for metric in METRICS},
        "registered": {metric: registered[metric] for metric in METRICS},
        "images": measured["images"],
        "requests": measured["requests"],
        "p50_ms": measured["latency_ms"]["p50"],
        "tolerance": settings.tolerance,
        "results": package["test"]["results"],
    }


def differences(
    registered: Mapping[str, Any], measured: Mapping[str, Any], *, endpoint: str, tolerance: float
) -> list[str]:
    """List, in words, where the endpoint's evaluation differs from the registered one.

    Better metrics are a difference too: the same model on the same pictures has no reason to be better.
    """
    problems = [
        f"{metric} is {measured[metric]:.4f}, registered {registered[metric]:.4f}, tolerance {tolerance}"
        for metric in METRICS
        if not abs(measured[metric] - registered[metric]) <= tolerance
    ]
    if measured["source"] != f"endpoint:{endpoint}":
        problems.append(f"the test asked {measured['source']}, not endpoint:{endpoint}")
    for name, got, wanted in (
        ("images", measured["images"], registered["images"]),
        ("dataset", measured["dataset"]["manifest_sha256"], registered["dataset"]["manifest_sha256"]),
    ):
        if got != wanted:
            problems.append(f"{name} is {got}, registered {wanted}")
    if measured["requests"] < measured["images"]:
        problems.append(f"{measured['requests']} answers for {measured['images']} images")
    return problems
