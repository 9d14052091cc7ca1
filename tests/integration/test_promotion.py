"""Promotions of small stand-in models through the deployed Promotion stack, IAM enforced.

The model answers with its own score and its run; the evaluation asks the endpoint for them.
"""

import json

import pytest
from faults.promoted import PROD, STAGING, Promotions
from faults.seams import eventually

from local.cloud.server import LocalCloud


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Promotions:
    return Promotions(cloud, tmp_path_factory.mktemp("promotion"))


def serve(line: Promotions) -> tuple[str, str]:
    return line.behind(STAGING), line.behind(PROD)


def test_promotions(line: Promotions) -> None:
    """One story, for endpoints are slow: each part begins where the one before has left the endpoints."""
    first, second = line.register(), line.register()
    before = set(line.executions())
    line.set_approval(first, "Approved")
    line.set_approval(second, "Approved")
    started = eventually(
        lambda: set(line.executions()) - before if len(line.executions()) > len(before) + 1 else ()
    )
    both = sorted((line.ended(execution) for execution in started), key=lambda ended: str(ended["stopDate"]))
    assert [ended["status"] for ended in both] == ["SUCCEEDED", "SUCCEEDED"]
    assert [json.loads(ended["input"])["model_package_arn"] for ended in both] == [first, second]
    assert serve(line) == (second, second)
    releases = [line.record(arn) for arn in (first, second)]
    assert [release["outcome"] for release in releases] == ["promoted", "promoted"]
    assert releases[1]["prod"]["config_before"] == releases[0]["prod"]["deployed"]["config"]
    assert releases[0]["approved_by"].endswith(":root")

    again = line.promote(first)
    assert again["status"] == "SUCCEEDED"
    assert serve(line) == (first, first), "the older is what was approved"
    assert line.record(first, again["executionArn"])["outcome"] == "promoted"

    worse = line.register(answers=0.5)
    failed = line.promote(worse)
    assert (failed["status"], failed["error"]) == ("FAILED", "StagingTestFailed")
    assert "map50 is 0.5000, registered 0.9000" in failed["cause"]
    assert serve(line) == (first, first)
    assert line.outcome(worse) == "StagingTestFailed"
    described = line.sagemaker.describe_model_package(ModelPackageName=worse)
    assert described["ModelApprovalStatus"] == "Approved", "what a person decided is left to people"
    assert described["ModelLifeCycle"]["StageStatus"] == "Failed"
