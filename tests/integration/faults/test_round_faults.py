"""Faults between the rounds of a labeling execution; after each, no label is lost and none is doubled."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from faults.seams import Times
from labeling_line import BOX, LabelingLine, deployed
from waiting import eventually

from local.cloud.call import Call
from local.cloud.server import LocalCloud
from local.cloud.service import LocalService

pytestmark = pytest.mark.acceptance
APPROVE, REJECT = {"verdict": "approve"}, {"verdict": "reject", "reason": "no"}


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> LabelingLine:
    return deployed(cloud, tmp_path_factory.mktemp("rounds"), "round-faults", suggest=False)


@contextmanager
def answering_late(operation: str, *, seconds: float, times: int) -> Iterator[Times]:
    """Carry out the next calls of an operation, and answer only when the caller has ended."""
    original, faults = LocalService.perform, Times(times)

    def perform(service: LocalService, call: Call, name: str, parameters: Any) -> Any:
        answer = original(service, call, name, parameters)
        if name == operation and faults.strike():
            time.sleep(seconds)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalService, "perform", perform)
        yield faults


@contextmanager
def function_limit(line: LabelingLine, function: str, *, seconds: int) -> Iterator[None]:
    name, functions = line.resource("AWS::Lambda::Function", function), line.root.client("lambda")
    before = functions.get_function_configuration(FunctionName=name)["Timeout"]
    functions.update_function_configuration(FunctionName=name, Timeout=seconds)
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Timeout=before)


def test_a_label_whose_writer_ends_after_the_write_is_written_by_the_next_attempt(line: LabelingLine) -> None:
    uri = line.upload("written-twice.jpg")
    late = answering_late("PutRecord", seconds=20, times=1)
    with function_limit(line, "FunctionsWriteLabels", seconds=15), late as faults:
        execution = line.start()
        line.ann.answers("label", {"boxes": [BOX]}, count=1)
        line.bob.answers("verify", APPROVE, count=1)
        result = line.result(execution)
    assert faults.left == 0
    assert "TaskFailed" in line.history(execution)
    assert [row["source-ref"] for row in line.lines(result["manifest"])] == [uri]
    assert line.item(uri)["status"] == "labeled"


def test_a_round_whose_token_is_lost_ends_in_time_with_every_answer(line: LabelingLine) -> None:
    line.upload("before.jpg")
    before = line.start()
    [earlier] = line.ann.wait_for("label")
    line.ann.answer(earlier, {"boxes": []})
    line.bob.answers("verify", APPROVE, count=1)
    line.result(before)
    uri = line.upload("lost-token.jpg")
    with line.rounds_last(seconds=20):
        execution = line.start()
        [task] = line.ann.wait_for("label")
        # As after an attempt at the state that Step Functions gave up, and whose token came last.
        line.table.update_item(
            Key=round_key(task),
            UpdateExpression="SET #token = :spent",
            ExpressionAttributeNames={"#token": "token"},
            ExpressionAttributeValues={
                ":spent": line.table.get_item(Key=round_key(earlier))["Item"]["token"]
            },
        )
        assert line.ann.answer(task, {"boxes": [BOX]}) == (200, {"accepted": True})
        line.bob.answers("verify", APPROVE, count=1)
        [row] = line.lines(line.result(execution)["manifest"])
    assert row["source-ref"] == uri
    assert row["labels"]["annotations"][0]["left"] == BOX["left"]


def round_key(task: dict[str, Any]) -> dict[str, str]:
    return {"pk": f"ROUND#{task['round']}", "sk": "ROUND"}


def test_a_settle_round_that_no_supervisor_comes_to_gives_the_picture_back(line: LabelingLine) -> None:
    uri = line.upload("unsettled.jpg")
    with line.rounds_last(seconds=20):
        execution = line.start()
        for _ in range(2):
            line.ann.answers("label", {"boxes": []}, count=1)
            line.bob.answers("verify", REJECT, count=1)
        result = line.result(execution)
    assert (result["labeled"], result["unresolved"]) == (0, 1)
    [left] = line.lines(result["quarantine"])
    assert left["reason"] == "no supervisor settled it: rejected 2 times: no"
    again = line.start()
    line.ann.answers("label", {"boxes": []}, count=1)
    line.bob.answers("verify", APPROVE, count=1)
    assert [row["source-ref"] for row in line.lines(line.result(again)["manifest"])] == [uri]


def test_a_function_that_fails_while_a_supervisor_is_at_work_loses_no_decision(line: LabelingLine) -> None:
    line.upload("decided.jpg")
    execution = line.start()
    for _ in range(2):
        line.ann.answers("label", {"boxes": []}, count=1)
        line.bob.answers("verify", REJECT, count=1)
    [task] = line.sue.wait_for("settle")
    late = answering_late("PutRecord", seconds=20, times=1)
    with function_limit(line, "FunctionsWriteLabels", seconds=15), late as faults:
        line.sue.answer(task, {"boxes": [BOX]})
        eventually(lambda: line.has_ended(execution))
    assert faults.left == 0
    assert line.result(execution)["settled"] == 1
