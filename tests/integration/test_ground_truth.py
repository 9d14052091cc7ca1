"""Labeling with Ground Truth as the backend, deployed: rounds of jobs answered by simulated workteams.

The state machine, its functions, the jobs' role and Feature Store are the deployed ones, IAM enforced; what
AWS's workers and functions do is the local cloud's (local/sagemaker/labeling).
"""

from collections.abc import Iterator
from typing import Any

import pytest
from labeling_line import BOX, LabelingLine, deployed
from waiting import eventually

from config_labeling import GroundTruth
from local.cloud.server import LocalCloud
from local.sagemaker.labeling.workteam import Answer, Failure, Task, Team
from local.sagemaker.plugin import SageMakerPlugin

pytestmark = pytest.mark.acceptance

DRAWERS = "arn:aws:sagemaker:eu-west-1:000000000000:workteam/private-crowd/drawers"
CHECKERS = "arn:aws:sagemaker:eu-west-1:000000000000:workteam/private-crowd/checkers"


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> LabelingLine:
    teams = GroundTruth(DRAWERS, CHECKERS)
    folder = tmp_path_factory.mktemp("assembly")
    return deployed(cloud, folder, "gt-test", backend="ground_truth", ground_truth=teams)


@pytest.fixture
def teams(cloud: LocalCloud) -> Iterator[dict[str, Team]]:
    """The simulated workteams, by their ARN."""
    made = cloud.plugin(SageMakerPlugin).labeling_jobs.teams
    yield made
    made.clear()


def named(rows: list[dict[str, Any]]) -> set[str]:
    return {row["source-ref"].rsplit("/", 1)[1] for row in rows}


def test_what_succeeds_is_taken_and_the_rest_has_another_round(
    line: LabelingLine, teams: dict[str, Team]
) -> None:
    asked: list[tuple[str, str, int]] = []

    def draw(task: Task) -> Answer | Failure | None:
        name = task.line["source-ref"].rsplit("/", 1)[1]
        asked.append((task.kind, name, len(asked)))
        before = sum(kind == "label" and seen == name for kind, seen, _ in asked)
        if name == "fails-once.png" and before == 1:
            return Failure("ClientError: the picture could not be loaded")
        if name == "unanswered-once.png" and before == 1:
            return None
        if name == "empty.png":
            return Answer("ann")
        return Answer("ann", boxes=[BOX])

    def check(task: Task) -> Answer | Failure | None:
        name = task.line["source-ref"].rsplit("/", 1)[1]
        asked.append((task.kind, name, len(asked)))
        before = sum(kind == "verify" and seen == name for kind, seen, _ in asked)
        if name == "rejected-once.png" and before == 1:
            return Answer("bob", verdict="reject", comment="too wide")
        if name == "verified-later.png" and before == 1:
            return None
        return Answer("bob", verdict="approve")

    names = ("good", "empty", "fails-once", "unanswered-once", "rejected-once", "verified-later")
    for name in names:
        line.upload(f"{name}.png")
    teams |= {DRAWERS: draw, CHECKERS: check}
    result = line.result(line.start())
    assert (result["labeled"], result["unresolved"], result["quarantined"]) == (6, 0, 0)
    rows = line.lines(result["manifest"])
    assert named(rows) == {f"{name}.png" for name in names}
    by_name = {row["source-ref"].rsplit("/", 1)[1]: row for row in rows}
    assert by_name["good.png"]["annotators"] == {"labeled": ["ann"], "verified": ["bob"]}
    assert by_name["good.png"]["round"] == 1
    assert by_name["empty.png"]["labels"]["annotations"] == []
    assert {by_name[f"{name}.png"]["round"] for name in names[2:]} == {2}
    drawn = [name for kind, name, _ in asked if kind == "label"]
    assert drawn.count("verified-later.png") == 1, "a label that nobody verified is kept"
    assert drawn.count("rejected-once.png") == 2


def test_a_job_that_fails_leaves_its_pictures_to_the_next_execution_with_the_reason(
    line: LabelingLine, teams: dict[str, Team]
) -> None:
    def breaks(task: Task) -> Answer | None:
        raise ValueError("the workteam has no members")

    line.upload("later.png")
    teams |= {DRAWERS: breaks}
    result = line.result(line.start())
    assert (result["labeled"], result["unresolved"]) == (0, 1)
    [row] = line.lines(result["quarantine"])
    assert "failed: ClientError: the workteam has no members" in row["reason"]
    teams |= {DRAWERS: lambda _: Answer("ann", boxes=[BOX])}
    teams |= {CHECKERS: lambda _: Answer("bob", verdict="approve")}
    assert line.result(line.start())["labeled"] == 1


def test_a_workteam_that_is_not_there_ends_the_execution_by_name(line: LabelingLine) -> None:
    line.upload("nobody.png")
    execution = line.start()
    eventually(lambda: line.has_ended(execution))
    ended = line.states.describe_execution(executionArn=execution)
    assert ended["status"] == "FAILED"
    assert ended["cause"].startswith("Label: ")
    assert "no workteam is simulated there" in ended["cause"]
