from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from told_pipelines import BEGIN, CodePipeline, Session, attempt, run

from local.delivery import follow as following
from local.delivery.approvals import Approvals, Decide, given, left
from local.delivery.follow import REACHED, WAITING, Ended, Follower

AT_ONCE = BEGIN + timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_POLL_SECONDS", 0)


def follow(
    pipeline: CodePipeline, decide: Decide = left, *, stop_after: str | None = None, **clients: Any
) -> tuple[Ended, list[str]]:
    session: Any = Session(codepipeline=pipeline, **clients)
    lines: list[str] = []
    follower = Follower(
        session,
        Approvals(lambda: session, decide),
        lambda text, style="": lines.append(text),
        stop_after=stop_after,
    )
    return follower.follow("line", "e", "1a2b3c4"), lines


def test_each_action_is_one_line_when_it_has_ended() -> None:
    source = attempt("Source", "Source", category="Source", summary="1a2b3c4 Change a line")
    building = attempt("Build", "Synth", "InProgress", started=AT_ONCE)
    built = attempt("Build", "Synth", started=AT_ONCE)
    pipeline = CodePipeline(
        [[run("e", "InProgress")], [run("e", "InProgress")], [run("e", "Succeeded")]],
        [[source], [source, building], [source, built]],
    )
    ended, lines = follow(pipeline)
    assert ended == Ended("Succeeded")
    assert [line.split()[:3] for line in lines] == [["ok", "Source", "Source"], ["ok", "Build", "Synth"]]
    assert "1a2b3c4 Change a line" in lines[0]
    assert "4.0 s" in lines[1]


def test_failure_tells_its_reason_and_the_end_of_the_log() -> None:
    failed = attempt("Build", "Synth", "Failed", why="exit\nstatus 1", external_id="project:1")

    class Builds:
        def batch_get_builds(self, ids: list[str]) -> dict[str, Any]:
            assert ids == ["project:1"]
            return {"builds": [{"logs": {"groupName": "g", "streamName": "s"}}]}

    class Logs:
        def get_log_events(self, **asked: Any) -> dict[str, Any]:
            messages = [
                "[Container] 2026/01/01 00:00:00.1 Entering phase BUILD\n",
                "[Container] 2026/01/01 00:00:00.2 Running command make\n",
                "E  assert 1 == 2\n",
            ]
            return {"events": [{"message": message} for message in messages]}

    ended, lines = follow(CodePipeline([[run("e", "Failed")]], [[failed]]), codebuild=Builds(), logs=Logs())
    assert (ended.status, ended.well) == ("Failed", False)
    assert [line.strip() for line in lines[1:]] == [
        "exit status 1", "the end of the log of project:1:", "| Running command make", "| E  assert 1 == 2",
    ]  # fmt: skip


def waiting() -> dict[str, Any]:
    return attempt("Prod", "Approve", "InProgress", category="Approval", provider="Manual")


def test_approval_that_nobody_gives_here_is_left_waiting() -> None:
    pipeline = CodePipeline([[run("e", "InProgress")]], [[waiting()]])
    ended, _ = follow(pipeline)
    assert (ended.status, ended.why, ended.well) == (WAITING, "Prod Approve of 1a2b3c4", False)
    assert pipeline.approved == []


@pytest.mark.parametrize(("decided", "status"), [(True, "Approved"), (False, "Rejected")])
def test_approval_is_answered_once_with_its_token(decided: bool, status: str) -> None:
    pipeline = CodePipeline(
        [[run("e", "InProgress")], [run("e", "InProgress")], [run("e", "Succeeded")]], [[waiting()]]
    )
    follow(pipeline, lambda what: decided)
    assert [(one["token"], one["result"]["status"]) for one in pipeline.approved] == [("token", status)]


def test_nobody_approves_without_an_approver() -> None:
    pipeline: Any = CodePipeline([[run("e", "InProgress")]], [[waiting()]])
    follower = Follower(
        Session(codepipeline=pipeline), Approvals(lambda: None, given), lambda text, style="": None
    )  # type: ignore[arg-type]  # as far as it is used
    assert follower.follow("line", "e", "1a2b3c4").status == WAITING


def test_follows_no_further_than_the_stage_it_was_asked_for() -> None:
    built = attempt("Build", "Synth")
    next_one = attempt("Tools", "Data", "InProgress", started=AT_ONCE)
    pipeline = CodePipeline([[run("e", "InProgress")]], [[built], [built, next_one]])
    ended, _ = follow(pipeline, stop_after="Build")
    assert (ended.status, ended.well) == (REACHED, True)


def test_lines_say_what_was_started_and_which_stacks_changed() -> None:
    attempts = [
        attempt("Tools", "Data", provider="CloudFormation", summary="Change set C is empty."),
        attempt("Tools", "Edge", provider="CloudFormation", summary="Stack x is CREATE_COMPLETE."),
        attempt("Tools", "StartWorkflows", variables={"started": "line-labeling, line-inspector"}),
    ]  # fmt: skip
    _, lines = follow(CodePipeline([[run("e", "Succeeded")]], [attempts]))
    assert [line.endswith("changed") for line in lines] == [False, True, False]
    assert "started: line-labeling, line-inspector" in lines[2]
