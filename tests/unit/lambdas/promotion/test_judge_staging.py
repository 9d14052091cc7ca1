"""What the staging test's evaluation has to say before a release may go on."""

import io
import json
from typing import Any

import boto3
import pytest

from lambdas.promotion import judge_staging
from lambdas.promotion.judge_staging import Limits, StagingTestFailed, differences

ENDPOINT = "edgeline-tags-staging"
LIMITS = Limits(tolerance=0.02, p95_ms=100)
RESULTS = "s3://edgeline-artifacts/releases/tags/2/staging/0123"
PACKAGE = {
    "model": "tags",
    "evaluation": "s3://edgeline-artifacts/runs/tags/r/evaluation/evaluation.json",
    "test": {"results": RESULTS},
}
MODELS = {
    "tags": {
        "group": "edgeline-tags",
        "classes": ["scratch"],
        "tolerance": 0.02,
        "test_instance": "ml.m5.xlarge",
        "endpoints": {
            name: {"name": f"edgeline-tags-{name}", "variant": {}, "p95_ms": limit}
            for name, limit in (("staging", 100), ("prod", 1))
        },
    }
}


def registered(**changes: Any) -> dict[str, Any]:
    return {
        "map50": 0.9,
        "map50_95": 0.5,
        "images": 17,
        "dataset": {"manifest_sha256": "abc"},
        "source": "model",
        **changes,
    }


def contract_case(**changes: Any) -> dict[str, Any]:
    found = {"case": "an empty body", "expected": "400", "status": 400, "reason": "empty", "passed": True}
    return {**found, **changes}


def equality(**changes: Any) -> dict[str, Any]:
    return {
        "passed": True,
        "pictures": 17,
        "compared": 40,
        "different": 0,
        "allowed": 0,
        "differences": [],
        "largest_box_pixels": 0.01,
        "largest_score": 1e-5,
        **changes,
    }


def measured(**changes: Any) -> dict[str, Any]:
    return {
        **registered(source=f"endpoint:{ENDPOINT}"),
        "requests": 100,
        "latency_ms": {"p50": 8.0, "p95": 99.9},
        "contract": [contract_case()],
        "equality": equality(),
        **changes,
    }


def problems(**changes: Any) -> list[str]:
    return differences(registered(), measured(**changes), endpoint=ENDPOINT, limits=LIMITS)


def without(*parts: str) -> dict[str, Any]:
    return {name: value for name, value in measured().items() if name not in parts}


def test_an_endpoint_that_answers_as_registered_passes() -> None:
    assert problems(map50=0.881, map50_95=0.519) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"map50": 0.8799}, "map50 is 0.8799, registered 0.9000"),
        ({"map50": 0.95}, "map50 is 0.9500"),
        ({"map50_95": float("nan")}, "map50_95 is nan"),
        ({"images": 16}, "images is 16, registered 17"),
        ({"requests": 16}, "16 answers for 17 images"),
        ({"source": "model"}, "the test asked model"),
        ({"dataset": {"manifest_sha256": "other"}}, "dataset is other"),
        (
            {"latency_ms": {"p50": 8.0, "p95": 100.6}},
            "95th percentile of 100 answers is 101 ms, p95_ms is 100",
        ),
        ({"latency_ms": {"p50": 8.0, "p95": float("nan")}}, "p95_ms is 100"),
        ({"contract": []}, "contract: no case was asked"),
        (
            {"contract": [contract_case(), contract_case(passed=False, status=500, reason="500: boom")]},
            "contract: an empty body should get 400, got 500: boom",
        ),
        ({"equality": equality(pictures=16)}, "equality: 16 pictures were compared, registered 17"),
        (
            {"equality": equality(passed=False, different=1, differences=["a.jpg: scratch is missing"])},
            "equality: 1 of 40 detections are not the training's, 0 may differ: a.jpg: scratch is missing",
        ),
        (
            {"equality": equality(passed=False, different=25, differences=["a"] * 20)},
            "a; and 5 more",
        ),
    ],
)
def test_each_reason_is_named(changes: dict[str, Any], problem: str) -> None:
    [found] = problems(**changes)
    assert problem in found


@pytest.mark.parametrize("part", ["map50", "source", "latency_ms", "contract", "equality"])
def test_a_part_that_is_missing_is_a_reason(part: str) -> None:
    """As of a package whose code is older than the contract, or of a job that wrote half of its results."""
    [found] = differences(registered(), without(part), endpoint=ENDPOINT, limits=LIMITS)
    assert "as promised" in found
    assert part in found


def test_a_missing_part_hides_no_other_reason() -> None:
    slow = {**without("contract"), "latency_ms": {"p50": 1, "p95": 500}, "map50": 0.1}
    found = differences(registered(), slow, endpoint=ENDPOINT, limits=LIMITS)
    assert len(found) == 3


class Objects:
    """An S3 client with two documents."""

    def __init__(self, documents: dict[str, dict[str, Any]]) -> None:
        self._documents = documents

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO(json.dumps(self._documents[f"s3://{Bucket}/{Key}"]).encode())}


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the handler on an evaluation."""
    monkeypatch.setenv("MODELS", json.dumps(MODELS))

    def run(evaluation: dict[str, Any]) -> dict[str, Any]:
        documents = {PACKAGE["evaluation"]: registered(), f"{RESULTS}/evaluation.json": evaluation}
        monkeypatch.setattr(boto3, "client", lambda _service: Objects(documents))
        return judge_staging.handler({"package": PACKAGE, "endpoint": ENDPOINT}, None)

    return run


def test_what_has_passed_is_told_to_the_record(judge: Any) -> None:
    assert judge(measured()) == {
        "map50": 0.9,
        "map50_95": 0.5,
        "registered": {"map50": 0.9, "map50_95": 0.5},
        "images": 17,
        "requests": 100,
        "p50_ms": 8.0,
        "p95_ms": 99.9,
        "p95_limit_ms": 100,
        "tolerance": 0.02,
        "contract": {"cases": 1, "passed": 1},
        "equality": {
            "pictures": 17,
            "compared": 40,
            "different": 0,
            "largest_box_pixels": 0.01,
            "largest_score": 1e-5,
        },
        "results": RESULTS,
    }


def test_a_failure_names_every_reason_at_once(judge: Any) -> None:
    wrong = measured(
        map50=0.5,
        latency_ms={"p50": 1, "p95": 101},
        contract=[contract_case(passed=False, reason="500: boom")],
        equality=equality(passed=False, different=2, differences=["one", "two"]),
    )
    with pytest.raises(StagingTestFailed) as failed:
        judge(wrong)
    for reason in ("map50 is 0.5", "101 ms", "an empty body should get 400, got 500: boom", "one; two"):
        assert reason in str(failed.value)
