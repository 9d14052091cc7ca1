"""How labels come to be agreed on: several annotators, supervisors, rounds of a size, a threshold."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from labeling_line import BOX, MODEL, LabelingLine, deployed
from waiting import eventually

from local.cloud.server import LocalCloud

REJECT = {"verdict": "reject", "reason": "no"}
SHIFTED = {**BOX, "left": 6}
ELSEWHERE = {**BOX, "left": 36, "top": 25}


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> LabelingLine:
    folder = tmp_path_factory.mktemp("flow")
    return deployed(cloud, folder, "labeling-flow", start_at_images=1000)


@pytest.fixture
def three_annotators(line: LabelingLine) -> Iterator[None]:
    with line.environment("FunctionsOpenRound", ANNOTATORS="3"):
        yield


def test_a_label_that_is_rejected_twice_goes_to_a_supervisor_who_sees_all_of_it(line: LabelingLine) -> None:
    uri = line.upload("disputed.jpg")
    execution = line.start()
    line.ann.answers("label", {"boxes": [BOX], "seconds": 20}, count=1)
    line.bob.answers("verify", REJECT, count=1)
    line.bob.answers("label", {"boxes": [SHIFTED]}, count=1)
    line.ann.answers("verify", {"verdict": "reject", "reason": "still not"}, count=1)
    [task] = line.sue.wait_for("settle")
    assert line.ann.ask("POST", "tasks/claim", {"kind": "settle"})[0] == 403
    assert task["candidates"] == [{"by": "ann", "boxes": [BOX]}, {"by": "bob", "boxes": [SHIFTED]}]
    assert task["rejected"] == {"boxes": [SHIFTED], "reason": "still not"}
    assert line.sue.answer(task, {"boxes": [SHIFTED], "seconds": 5}) == (200, {"accepted": True})
    result = line.result(execution)
    assert (result["labeled"], result["relabeled"], result["settled"]) == (1, 1, 1)
    [row] = line.lines(result["manifest"])
    assert row["source-ref"] == uri
    assert row["annotators"] == {"labeled": ["ann", "bob"], "settled": ["sue"]}
    assert row["seconds"] == 25
    [kept] = line.kept(execution, "written-3")
    assert [(entry["by"], entry["what"]) for entry in kept["history"]] == [
        ("ann", "label"), ("bob", "reject"), ("bob", "label"), ("ann", "reject"), ("sue", "settle"),
    ]  # fmt: skip
    assert all(entry["at"] for entry in kept["history"])


def test_what_nobody_wants_goes_to_a_supervisor_and_holds_no_other_label_up(line: LabelingLine) -> None:
    shunned, other = line.upload("shunned.jpg"), line.upload("other.jpg")
    people = (line.ann, line.bob, line.eve)
    assert [person.claim("label") for person in people] == [[], [], []], "all three are at work"
    execution = line.start()
    for person in people:
        [task] = [task for task in person.wait_for("label", least=2) if task["image_uri"] == shunned]
        person.skip(task, "glare")
        for held in person.claim("label"):
            person.ask("POST", f"tasks/{held['task_id']}/release", {})
    line.ann.answers("label", {"boxes": []}, count=1)
    line.bob.answers("verify", {"verdict": "approve"}, count=1)
    eventually(lambda: line.item(other)["status"] == "labeled")
    [task] = line.sue.wait_for("settle")
    assert task["image_uri"] == shunned
    line.sue.answer(task, {"unusable": "glare"})
    result = line.result(execution)
    assert (result["labeled"], result["settled"], result["quarantined"]) == (1, 0, 1)


def test_what_a_verifier_mends_is_verified(line: LabelingLine) -> None:
    line.upload("mended.jpg")
    execution = line.start()
    line.ann.answers("label", {"boxes": [BOX]}, count=1)
    line.bob.answers("verify", {"verdict": "mend", "boxes": [SHIFTED]}, count=1)
    [row] = line.lines(line.result(execution)["manifest"])
    assert row["annotators"] == {"labeled": ["ann"], "mended": ["bob"]}
    assert row["labels"]["annotations"][0]["left"] == SHIFTED["left"]


@pytest.mark.usefixtures("three_annotators")
def test_three_people_draw_one_label_and_a_fourth_verifies_it(line: LabelingLine) -> None:
    line.upload("consensus.jpg")
    execution = line.start()
    people = (line.ann, line.bob, line.eve)
    for person, boxes in zip(people, ([BOX], [SHIFTED], [BOX, ELSEWHERE]), strict=True):
        [task] = person.wait_for("label")
        assert person.answer(task, {"boxes": boxes})[0] == 200
        assert person.claim("label") == []
    assert [person.claim("verify") for person in people] == [[], [], []]
    [verify] = line.sue.wait_for("verify")
    assert verify["boxes"] == [BOX]
    line.sue.answer(verify, {"verdict": "approve"})
    [row] = line.lines(line.result(execution)["manifest"])
    assert row["annotators"] == {"labeled": ["ann", "bob", "eve"], "verified": ["sue"]}
    [kept] = line.kept(execution, "written-1")
    # Of four boxes, looked at by two others each, the lone one matches nobody's.
    assert (kept["unmatched_share"], kept["mean_iou"]) == (0.25, 0.8788)
    assert 0 < row["agreement"] == kept["agreement"] < kept["mean_iou"]
    assert (row["unmatched_share"], row["mean_iou"]) == (kept["unmatched_share"], kept["mean_iou"])


@pytest.mark.usefixtures("three_annotators")
def test_three_people_who_do_not_agree_at_all_leave_it_to_a_supervisor(line: LabelingLine) -> None:
    line.upload("no-majority.jpg")
    execution = line.start()
    for number, person in enumerate((line.ann, line.bob, line.eve)):
        [task] = person.wait_for("label")
        person.answer(task, {"boxes": [{**BOX, "left": 20 * number, "width": 10}]})
    [task] = line.sue.wait_for("settle")
    assert [candidate["by"] for candidate in task["candidates"]] == ["ann", "bob", "eve"]
    line.sue.answer(task, {"boxes": [BOX]})
    [row] = line.lines(line.result(execution)["manifest"])
    assert row["agreement"] == 0


def test_a_round_has_as_many_pictures_as_configured_and_the_rest_wait(line: LabelingLine) -> None:
    for number in range(3):
        line.upload(f"sized/{number}.jpg")
    states = line.root.client("stepfunctions")
    definition = states.describe_state_machine(stateMachineArn=line.machine)["definition"]
    smaller = definition.replace('"limit":200', '"limit":2')
    assert smaller != definition
    states.update_state_machine(stateMachineArn=line.machine, definition=smaller)
    executions = []
    for count in (2, 1):
        executions.append(line.start())
        line.ann.answers("label", {"boxes": []}, count=count)
        line.bob.answers("verify", {"verdict": "approve"}, count=count)
        assert line.result(executions[-1])["labeled"] == count
    states.update_state_machine(stateMachineArn=line.machine, definition=definition)
    # As many events for two pictures as for one.
    assert line.history(executions[0]) == line.history(executions[1])


def test_without_a_model_in_prod_people_are_asked_and_the_execution_says_so(line: LabelingLine) -> None:
    line.upload("unsuggested.jpg")
    execution = line.start()
    [task] = line.ann.wait_for("label")
    assert task.get("suggested") is None
    line.ann.answer(task, {"boxes": []})
    line.bob.answers("verify", {"verdict": "approve"}, count=1)
    said = line.result(execution)["suggestions"]
    assert (said["suggested"], said["of"]) == (0, 1)
    assert said["reason"]


def at_threshold(line: LabelingLine, images: int) -> dict[str, Any]:
    name = line.resource("AWS::Lambda::Function", "ThresholdStart")
    with line.environment("ThresholdStart", START_AT_IMAGES=str(images)):
        answer = line.root.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    found = json.load(answer["Payload"])
    assert "FunctionError" not in answer, found
    started: dict[str, Any] = found["started"]
    return started


def test_enough_waiting_pictures_start_one_execution_and_never_a_second(line: LabelingLine) -> None:
    line.upload("threshold/1.jpg")
    assert at_threshold(line, 2) == {}
    line.upload("threshold/2.jpg")
    execution = at_threshold(line, 2)[MODEL]
    line.ann.wait_for("label")
    line.upload("threshold/3.jpg")
    line.upload("threshold/4.jpg")
    assert at_threshold(line, 2) == {}, "one of the model runs"
    line.ann.answers("label", {"boxes": []}, count=2)
    line.bob.answers("verify", {"verdict": "approve"}, count=2)
    assert line.result(execution)["labeled"] == 2
    again = at_threshold(line, 2)[MODEL]
    assert again != execution
    line.ann.answers("label", {"boxes": []}, count=2)
    line.bob.answers("verify", {"verdict": "approve"}, count=2)
    assert line.result(again)["labeled"] == 2
