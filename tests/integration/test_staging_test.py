"""The staging test as it runs in its job, against real endpoints with the real inference code, and faults.

Behind each endpoint is the archive that the training packs. A fault is in the archive's own inference.py.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from staging_bench import LIMITS, REALTIME, SERVERLESS, Bench
from staging_faults import DIES, MISSING, MOVED, SERVER_ERROR, SLOW

from lambdas.promotion.judge_staging import Limits, differences
from local.cloud.server import LocalCloud

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def bench(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(cloud, tmp_path_factory.mktemp("bench"))


@pytest.fixture
def serve(bench: Bench) -> Iterator[Any]:
    """Serve the model, and leave no endpoint behind."""
    names: list[str] = []

    def make(*arguments: Any) -> str:
        names.append(bench.serve(*arguments))
        return names[-1]

    yield make
    for name in names:
        bench.end(name)


def test_the_training_registers_what_staging_is_compared_with(bench: Bench) -> None:
    assert bench.registered["map50"] == 1.0
    assert bench.registered["answers"]["empty_share"] == 0.0
    assert bench.registered["answers"]["mean_score"] > 0.9
    assert bench.registered["by_size"]["large"]["boxes"] == 3
    assert bench.registered["model_sha256"] == hashlib.sha256(bench.archive.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("variant", "refuses"),
    [(SERVERLESS, (400, "oversize")), (REALTIME, (413, "6291457 bytes"))],
    ids=["serverless", "realtime"],
)
def test_the_inference_code_that_is_shipped_passes(
    bench: Bench, serve: Any, variant: dict[str, Any], refuses: tuple[int, str]
) -> None:
    endpoint = serve("", variant)
    measured = bench.test(endpoint)
    assert differences(bench.registered, measured, endpoint=endpoint, limits=LIMITS) == []
    findings = {finding["case"]: finding for finding in measured["contract"]}
    assert len(findings) == 17
    status, reason = refuses
    assert findings["a body that is too large"]["status"] == status
    assert reason in findings["a body that is too large"]["reason"]
    assert findings["an empty body"]["reason"] == "bad picture: the file is empty"
    assert findings["a JPEG that is cut off"]["reason"].startswith("bad picture: damaged or truncated")
    assert findings["a picture of too many pixels"]["reason"].startswith("bad picture: more pixels than")
    assert measured["equality"]["compared"] == 3
    assert measured["equality"]["largest_box_pixels"] == 0
    assert measured["requests"] == 100


def test_an_inference_component_is_asked_by_its_name(bench: Bench) -> None:
    endpoint = bench.serve_component()
    try:
        measured = bench.test(endpoint, endpoint)
        assert differences(bench.registered, measured, endpoint=endpoint, limits=LIMITS) == []
    finally:
        bench.end(endpoint)


def test_a_box_that_is_moved_by_a_few_pixels_is_found(bench: Bench, serve: Any) -> None:
    """Its IoU of .91 is still a hit for mAP50: only the comparison sees it."""
    problems = bench.problems(serve(MOVED), Limits(tolerance=0.3, p95_ms=2000))
    assert len(problems) == 1
    assert problems[0].startswith("equality: 3 of 3 detections are not the training's, 0 may differ: images/")
    assert "is found 3.00 pixels off" in problems[0]


def test_a_detection_that_is_missing_is_found(bench: Bench, serve: Any) -> None:
    problems = bench.problems(serve(MISSING))
    assert [problem for problem in problems if problem.startswith("map50 is 0.0000")]
    assert [problem for problem in problems if "is missing" in problem]


def test_an_endpoint_that_is_slow_is_found(bench: Bench, serve: Any) -> None:
    problems = bench.problems(serve(SLOW), Limits(tolerance=0.02, p95_ms=100))
    assert len(problems) == 1
    assert problems[0].startswith("the 95th percentile of 100 answers is ")
    assert problems[0].endswith("ms, p95_ms is 100")


def test_a_500_instead_of_a_400_is_found_for_each_case(bench: Bench, serve: Any) -> None:
    problems = bench.problems(serve(SERVER_ERROR, REALTIME))
    assert len(problems) == 9
    assert "contract: an empty body should get 4xx, got 500: bad picture: the file is empty" in problems
    assert any(problem.startswith("contract: JSON should get 415, got 500") for problem in problems)


def test_an_endpoint_that_dies_of_a_bad_picture_is_found(bench: Bench, serve: Any) -> None:
    problems = bench.problems(serve(DIES))
    assert problems
    assert all(problem.startswith("contract: ") for problem in problems)
    assert any(problem.startswith("contract: no picture should get 400, got ") for problem in problems)
