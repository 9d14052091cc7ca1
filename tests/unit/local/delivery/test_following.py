from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from told_pipelines import BEGIN, CodePipeline, Session, attempt, run

from local.delivery import follow as follow_module
from local.delivery import starting
from local.delivery.approvals import Approvals, left
from local.delivery.errors import DeliveryError
from local.delivery.following import Line

COMMIT = "c" * 40
OUTPUTS = {"PipelineName": "line-delivery", "SourceRepository": "line"}


class Stacks:
    def describe_stack_resources(self, **asked: Any) -> dict[str, Any]:
        group = {"ResourceType": "AWS::Logs::LogGroup", "LogicalResourceId": "SourceStartFunctionLogs1"}
        return {"StackResources": [{**group, "PhysicalResourceId": "group"}]}


class Logs:
    def __init__(self, *messages: str) -> None:
        self._messages = messages

    def filter_log_events(self, **asked: Any) -> dict[str, Any]:
        return {"events": [{"message": message} for message in self._messages]}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow_module, "_POLL_SECONDS", 0)
    monkeypatch.setattr(starting, "_POLL_SECONDS", 0)
    monkeypatch.setattr(starting, "_PATIENCE_SECONDS", 0.05)


def line(
    pipeline: CodePipeline, *log: str, outputs: dict[str, str] = OUTPUTS, **more: Any
) -> tuple[Line, list[str]]:
    lines: list[str] = []
    session: Any = Session(codepipeline=pipeline, cloudformation=Stacks(), logs=Logs(*log), **more)
    made = Line(
        "line", outputs, session, Approvals(lambda: None, left), lambda text, style="": lines.append(text)
    )
    return made, lines


def test_execution_of_the_commit_is_followed_to_its_end() -> None:
    pipeline = CodePipeline([[run("e", "Succeeded", COMMIT)]], [[attempt("Build", "Synth")]])
    followed, lines = line(pipeline)
    assert followed.follow(COMMIT, BEGIN) == 0
    assert lines[-1] == "ccccccc is deployed."


def test_push_that_starts_nothing_is_well_and_says_why() -> None:
    decided = json.dumps({"revision": COMMIT, "execution": None, "because": "all that changed is ignored"})
    other = json.dumps({"revision": "d" * 40, "execution": None, "because": "another"})
    followed, lines = line(CodePipeline([[run("old", "Succeeded", "d" * 40)]], [[]]), "START", other, decided)
    assert followed.follow(COMMIT, BEGIN) == 0
    assert lines == ["Nothing was started: all that changed is ignored."]


def test_push_that_nobody_has_decided_about_is_an_error() -> None:
    followed, _ = line(CodePipeline([[]], [[]]), "START")
    with pytest.raises(DeliveryError, match="line-delivery has not started"):
        followed.follow(COMMIT, BEGIN)


def test_execution_that_failed_before_it_had_a_revision_is_followed_by_its_id() -> None:
    started = json.dumps({"revision": COMMIT, "execution": "e", "because": "everything is new"})
    pipeline = CodePipeline(
        [[run("e", "Failed", why="no source")]], [[attempt("Source", "Source", "Failed")]]
    )
    followed, lines = line(pipeline, started, codebuild=None)
    assert followed.follow(COMMIT, BEGIN) == 1
    assert lines[-1] == "ccccccc: Failed (no source)."


def test_push_to_a_connection_that_passes_no_filter_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "_TRIGGER_SECONDS", 0.05)
    monkeypatch.setattr(Stacks, "describe_stack_resources", lambda self, **asked: {"StackResources": []})
    followed, lines = line(CodePipeline([[]], [[]]))
    assert followed.follow(COMMIT, BEGIN) == 0
    assert "no trigger of the pipeline" in lines[0]


def test_execution_from_before_the_push_is_not_taken_for_its_own() -> None:
    before = run("e", "Succeeded", COMMIT, started=BEGIN - timedelta(seconds=5))
    followed, _ = line(CodePipeline([[before]], [[]]))
    with pytest.raises(DeliveryError):
        followed.follow(COMMIT, BEGIN)


def test_execution_that_takes_the_place_of_another_is_followed_too() -> None:
    first = run("first", "Cancelled", COMMIT, why="the pipeline was updated")
    second = run("second", "Succeeded", COMMIT, started=BEGIN + timedelta(seconds=30))
    pipeline = CodePipeline([[first], [first], [second, first]], [[attempt("UpdatePipeline", "SelfMutate")]])
    followed, lines = line(pipeline)
    assert followed.follow(COMMIT, BEGIN) == 0
    assert lines[0] == "line-delivery first"
    assert "line-delivery second" in lines


@pytest.mark.parametrize(("status", "result"), [("Succeeded", 0), ("Failed", 1)])
def test_workflow_that_was_started_counts_and_one_from_before_does_not(status: str, result: int) -> None:
    done = run("e", "Succeeded", COMMIT)
    before = run("before", "Failed", started=BEGIN - timedelta(hours=1))
    workflow = run("w", status, started=BEGIN + timedelta(seconds=9))
    pipeline = CodePipeline([[done], [done], [workflow, before]], [[]])
    pipeline.names = ("line-delivery", "line-labeling")
    followed, lines = line(pipeline)
    assert followed.follow(COMMIT, BEGIN) == result
    assert f"  line-labeling: {status}" in lines
    assert "line-labeling before" not in lines


@pytest.mark.parametrize(
    ("executions", "result", "said"),
    [
        ([], 0, "started nothing"),
        ([run("e", "Succeeded", COMMIT)], 0, "is deployed"),
        ([run("e", "Failed", COMMIT, why="exit 1")], 1, "Failed (exit 1)"),
    ],
)
def test_commit_that_was_pushed_before_is_told_as_it_ended(
    executions: list[dict[str, Any]], result: int, said: str
) -> None:
    followed, lines = line(CodePipeline([executions], [[]]))
    assert followed.follow_again(COMMIT) == result
    assert said in lines[-1]


def test_upload_is_known_by_the_version_that_holds_the_commit() -> None:
    class Uploads:
        def head_object(self, **asked: Any) -> dict[str, Any]:
            return {"VersionId": "v7", "Metadata": {"commit": COMMIT}}

    pipeline = CodePipeline([[run("e", "Succeeded", "v7")]], [[]])
    outputs = {"PipelineName": "line-delivery", "SourceBucket": "uploads"}
    followed, _ = line(pipeline, outputs=outputs, s3=Uploads())
    assert followed.follow(COMMIT, BEGIN) == 0
