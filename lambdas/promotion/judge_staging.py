"""Judge what the staging endpoint answered: against what was registered, its contract and its limits."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.objects import read_json
from lambdas.promotion.settings import model_settings
from lambdas.promotion.tasks import Task, task_of

_CONTRACT = "contract"
_EQUALITY = "equality"


class StagingTestFailed(Exception):  # noqa: N818 - the name that the state machine reports
    """The staging endpoint does not answer as the registered model did, or not as its callers expect."""


@dataclass(frozen=True)
class Environment:
    """The configured models, with the limits of each."""

    models: str


@dataclass(frozen=True)
class Limits:
    """What the answers are held to: the metrics' tolerance, and the 95th percentile of their milliseconds."""

    tolerance: float
    p95_ms: float


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Judge the staging test.

    In: {"package": what read_model_package gave, "endpoint"}.
    Out: {the task's metrics, "registered": the same, "images", "requests", "p50_ms", "p95_ms",
    "p95_limit_ms", "tolerance", "contract": {"cases", "passed"}, "equality": {"pictures", "compared",
    "different", and the largest differences}, "results"}.
    Raises StagingTestFailed with every reason.
    """
    package = event["package"]
    settings = model_settings(environment.read(Environment).models, package["model"])
    limits = Limits(tolerance=settings.tolerance, p95_ms=settings.endpoints["staging"].p95_ms)
    s3 = boto3.client("s3")
    registered = read_json(s3, package["evaluation"])
    measured = read_json(s3, f"{package['test']['results']}/evaluation.json")
    problems = differences(registered, measured, endpoint=event["endpoint"], limits=limits)
    if problems:
        raise StagingTestFailed("; ".join(problems))
    return {**summary(registered, measured, limits), "results": package["test"]["results"]}


def differences(
    registered: Mapping[str, Any], measured: Mapping[str, Any], *, endpoint: str, limits: Limits
) -> list[str]:
    """List, in words, everything that speaks against the endpoint.

    A part that the evaluation lacks, or that cannot be read, is a reason too, and hides none of the others.
    """
    checks: tuple[tuple[str, Callable[[], Iterator[str]]], ...] = (
        ("the metrics", lambda: _metrics(registered, measured, limits.tolerance)),
        ("what was asked", lambda: _asked(registered, measured, endpoint)),
        ("the latency", lambda: _latency(measured, limits.p95_ms)),
        (_CONTRACT, lambda: _contract(measured[_CONTRACT])),
        (_EQUALITY, lambda: _equality(measured[_EQUALITY], registered["images"], task_of(registered))),
    )
    problems: list[str] = []
    for name, check in checks:
        try:
            problems += check()
        except (KeyError, TypeError, ValueError) as error:
            problems.append(f"{name}: not in the test's evaluation.json as promised: {error!r}")
    return problems


def summary(registered: Mapping[str, Any], measured: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """Keep of a test that has passed what the record and the page tell."""
    found, task = measured[_EQUALITY], task_of(registered)
    compared = ("pictures", "compared", "different", *task.compared)
    return {
        **{metric: measured[metric] for metric in task.metrics},
        "registered": {metric: registered[metric] for metric in task.metrics},
        "images": measured["images"],
        "requests": measured["requests"],
        "p50_ms": measured["latency_ms"]["p50"],
        "p95_ms": measured["latency_ms"]["p95"],
        "p95_limit_ms": limits.p95_ms,
        "tolerance": limits.tolerance,
        "contract": {
            "cases": len(measured[_CONTRACT]),
            "passed": sum(1 for case in measured[_CONTRACT] if case["passed"]),
        },
        "equality": {key: found[key] for key in compared},
    }


def _metrics(registered: Mapping[str, Any], measured: Mapping[str, Any], tolerance: float) -> Iterator[str]:
    """Better is a difference too: the same model on the same pictures has no reason to be better."""
    for metric in task_of(registered).metrics:
        if not abs(measured[metric] - registered[metric]) <= tolerance:
            found, known = measured[metric], registered[metric]
            yield f"{metric} is {found:.4f}, registered {known:.4f}, tolerance {tolerance}"


def _asked(registered: Mapping[str, Any], measured: Mapping[str, Any], endpoint: str) -> Iterator[str]:
    if measured["source"] != f"endpoint:{endpoint}":
        yield f"the test asked {measured['source']}, not endpoint:{endpoint}"
    for name, got, wanted in (
        ("images", measured["images"], registered["images"]),
        ("dataset", measured["dataset"]["manifest_sha256"], registered["dataset"]["manifest_sha256"]),
    ):
        if got != wanted:
            yield f"{name} is {got}, registered {wanted}"
    if measured["requests"] < measured["images"]:
        yield f"{measured['requests']} answers for {measured['images']} images"


def _latency(measured: Mapping[str, Any], limit: float) -> Iterator[str]:
    p95 = measured["latency_ms"]["p95"]
    if not p95 <= limit:
        yield f"the 95th percentile of {measured['requests']} answers is {p95:.0f} ms, p95_ms is {limit:.0f}"


def _contract(findings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not findings:
        yield "contract: no case was asked"
    for found in findings:
        if found["passed"] is not True:
            yield f"contract: {found['case']} should get {found['expected']}, got {found['reason']}"


def _equality(found: Mapping[str, Any], images: int, task: Task) -> Iterator[str]:
    if found["pictures"] != images:
        yield f"equality: {found['pictures']} pictures were compared, registered {images}"
    if found["passed"] is not True:
        named = list(found["differences"])
        more = found["different"] - len(named)
        named += [f"and {more} more"] if more > 0 else []
        yield (
            f"equality: {found['different']} of {found['compared']} {task.answers} are not the training's, "
            f"{found['allowed']} may differ: {'; '.join(named)}"
        )
