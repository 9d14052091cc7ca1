"""Labeling executions from upload to feature store, people answering through the API, IAM enforced."""

import hashlib
import time
import urllib.request

import pytest
from labeling_line import BOX, MODEL, LabelingLine, deployed, picture
from waiting import eventually

from local.cloud.server import LocalCloud

COUNTS = ("model", "labeled", "relabeled", "settled", "quarantined", "unresolved")


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> LabelingLine:
    return deployed(cloud, tmp_path_factory.mktemp("assembly"), "labeling-test", suggest=False)


def test_a_picture_is_labelled_by_one_and_verified_by_another(line: LabelingLine) -> None:
    content = picture(4711)
    uri = line.upload("whole/first.jpg", content, group="tag-7")
    execution = line.start()
    [task] = line.ann.wait_for("label")
    assert {name: task[name] for name in ("kind", "image_uri", "width", "height", "classes")} == {
        "kind": "label", "image_uri": uri, "width": 60, "height": 40, "classes": ["scratch"],
    }  # fmt: skip
    with urllib.request.urlopen(task["image_url"]) as image:  # noqa: S310
        assert image.read() == content
    assert line.ann.answer(task, {"boxes": [BOX]}) == (200, {"accepted": True})
    [verify] = line.bob.wait_for("verify")
    assert verify["boxes"] == [BOX]
    assert line.ann.claim("verify") == []
    assert line.bob.answer(verify, {"verdict": "approve"})[0] == 200
    result = line.result(execution)
    assert {name: result[name] for name in COUNTS} == {
        "model": MODEL, "labeled": 1, "relabeled": 0, "settled": 0, "quarantined": 0, "unresolved": 0,
    }  # fmt: skip
    [labeled] = line.lines(result["manifest"])
    assert labeled["source-ref"] == uri
    assert labeled["sha256"] == hashlib.sha256(content).hexdigest()
    assert labeled["object-group"] == "tag-7"
    assert labeled["labels"]["annotations"] == [
        {"class_id": 0, "left": 4, "top": 3, "width": 20, "height": 10}
    ]
    assert line.item(uri)["status"] == "labeled"
    eventually(lambda: line.has_object("feature-store/", ".parquet"))


def test_a_second_execution_finds_nothing_more_to_label(line: LabelingLine) -> None:
    uri = line.upload("once.jpg")
    execution = line.start()
    line.ann.answers("label", {"boxes": []}, count=1)
    line.bob.answers("verify", {"verdict": "approve"}, count=1)
    assert line.result(execution)["labeled"] == 1
    assert line.result(line.start()) == {
        "model": MODEL, "labeled": 0, "relabeled": 0, "settled": 0, "quarantined": 0, "unresolved": 0,
        "manifest": None, "quarantine": None,
        "suggestions": {"suggested": 0, "of": 0, "reason": "nobody was asked"},
    }  # fmt: skip
    assert line.item(uri)["status"] == "labeled"


def test_what_is_rejected_is_labelled_again(line: LabelingLine) -> None:
    uris = {line.upload(f"rejected/{number}.jpg") for number in range(3)}
    execution = line.start()
    line.ann.answers("label", {"boxes": []}, count=3)
    for number, task in enumerate(line.bob.wait_for("verify", least=3)):
        verdict = {"verdict": "reject", "reason": "a scratch is missing"} if number == 1 else None
        line.bob.answer(task, verdict or {"verdict": "approve"})
    [again] = line.bob.wait_for("label")
    assert again["rejected"] == {"boxes": [], "reason": "a scratch is missing"}
    line.bob.answer(again, {"boxes": [BOX]})
    assert line.bob.claim("verify") == []
    line.ann.answers("verify", {"verdict": "approve"}, count=1)
    result = line.result(execution)
    assert (result["labeled"], result["relabeled"]) == (3, 1)
    manifest = {row["source-ref"]: row["labels"]["annotations"] for row in line.lines(result["manifest"])}
    assert set(manifest) == uris
    assert manifest[again["image_uri"]] == [{"class_id": 0, "left": 4, "top": 3, "width": 20, "height": 10}]


def test_an_image_that_is_unusable_is_set_aside_by_the_people_who_say_so(line: LabelingLine) -> None:
    line.upload("dark.jpg")
    execution = line.start()
    line.ann.answers("label", {"unusable": "nobody can tell"}, count=1)
    result = line.result(execution)
    assert (result["quarantined"], result["unresolved"]) == (1, 0)
    [row] = line.lines(result["quarantine"])
    assert row["reason"] == "unusable: nobody can tell"


def test_what_cannot_be_used_is_set_aside_with_the_reason(line: LabelingLine) -> None:
    whole = picture(9001)
    good = line.upload("bad/a.jpg", whole)
    expected = {
        line.upload("bad/b.jpg", whole): f"the same bytes as {good}",
        line.upload("bad/c.jpg", b""): "the file is empty",
        line.upload("bad/d.jpg", whole[: len(whole) // 2]): "JPEG: the file is cut off",
        line.upload("bad/e.csv", b"file,label\n"): "this file is not one of JPEG, PNG, WebP and BMP",
    }
    used = {
        good,
        line.upload("bad/f.jpg", picture(9002, "PNG", "RGBA")),
        line.upload("bad/g.png", picture(9003, "PNG", "L")),
        line.upload("bad/h.jpg", picture(9004, "JPEG", "CMYK")),
    }
    execution = line.start()
    line.ann.answers("label", {"boxes": []}, count=4)
    line.bob.answers("verify", {"verdict": "approve"}, count=4)
    result = line.result(execution)
    assert (result["labeled"], result["quarantined"]) == (4, 4)
    assert {row["source-ref"] for row in line.lines(result["manifest"])} == used
    reasons = {row["source-ref"]: row["reason"] for row in line.lines(result["quarantine"])}
    assert set(reasons) == set(expected)
    assert all(reasons[uri].startswith(reason) for uri, reason in expected.items())
    assert line.result(line.start())["quarantine"] is None


def test_two_executions_at_once_share_the_images_and_label_none_twice(line: LabelingLine) -> None:
    uris = {line.upload(f"shared/{number}.jpg") for number in range(6)}
    executions = [line.start(), line.start()]
    eventually(lambda: line.answer_all() == 0 and all(map(line.has_ended, executions)))
    results = [line.result(execution) for execution in executions]
    manifests = [result["manifest"] for result in results if result["manifest"]]
    written = [row["source-ref"] for manifest in manifests for row in line.lines(manifest)]
    assert sorted(written) == sorted(uris)


def test_the_images_of_an_execution_that_was_stopped_are_labelled_by_the_next(line: LabelingLine) -> None:
    uri = line.upload("stopped.jpg")
    stopped = line.start()
    [task] = line.ann.wait_for("label")
    line.root.client("stepfunctions").stop_execution(executionArn=stopped)
    # Nobody works for an execution that has ended, also where none follows.
    eventually(lambda: line.ann.ask("GET", "rounds")[1]["rounds"] == [])
    status, refusal = line.ann.answer(task, {"boxes": []})
    assert (status, refusal["message"][:17]) == (409, "the round is over")
    execution = line.start()
    eventually(lambda: line.item(uri)["execution"] == execution)
    line.ann.answers("label", {"boxes": []}, count=1)
    line.bob.answers("verify", {"verdict": "approve"}, count=1)
    result = line.result(execution)
    assert [row["source-ref"] for row in line.lines(result["manifest"])] == [uri]


def test_an_answer_is_taken_once_and_from_who_holds_the_task(line: LabelingLine) -> None:
    line.upload("answers.jpg")
    execution = line.start()
    [task] = line.ann.wait_for("label")
    assert line.bob.claim("label") == []
    assert [held["task_id"] for held in line.ann.claim("label")] == [task["task_id"]]
    assert line.bob.answer(task, {"boxes": []})[0] == 403
    assert line.ann.answer({"task_id": "0123456789abcdef-1"}, {"boxes": []})[0] == 404
    status, refusal = line.ann.answer(task, {"boxes": [{**BOX, "left": 55}]})
    assert (status, refusal["message"][:30]) == (400, "box 1: horizontally it spans 5")
    assert line.ann.answer(task, {"boxes": [{**BOX, "label": "dent"}]})[0] == 400
    assert line.ann.answer(task, {"boxes": [BOX]}) == (200, {"accepted": True})
    assert line.ann.answer(task, {"boxes": [BOX]}) == (200, {"accepted": True})
    assert line.ann.answer(task, {"boxes": []})[0] == 409
    [verify] = line.bob.wait_for("verify")
    assert line.ann.answer(verify, {"verdict": "approve"})[0] == 403
    assert line.bob.answer(verify, {"boxes": []})[0] == 400
    assert line.bob.answer(verify, {"verdict": "approve"})[0] == 200
    assert line.result(execution)["labeled"] == 1


def test_a_lease_that_ran_out_goes_to_the_next_person(line: LabelingLine) -> None:
    line.upload("lease.jpg")
    execution = line.start()
    [task] = line.ann.wait_for("label")
    round_id, number = task["task_id"].split("-")
    line.table.update_item(
        Key={"pk": f"ROUND#{round_id}", "sk": f"TASK#{int(number):06d}"},
        UpdateExpression="SET available_at = :past",
        ExpressionAttributeValues={":past": int(time.time()) - 1},
    )
    [same] = line.bob.claim("label")
    assert same["task_id"] == task["task_id"]
    assert line.ann.answer(task, {"boxes": []})[0] == 403
    assert line.bob.answer(same, {"boxes": []})[0] == 200
    line.ann.answers("verify", {"verdict": "approve"}, count=1)
    assert line.result(execution)["labeled"] == 1


def test_an_overwritten_image_is_labelled_anew(line: LabelingLine) -> None:
    for number in range(2):
        uri = line.upload("overwritten.jpg", picture(7000 + number))
        execution = line.start()
        line.ann.answers("label", {"boxes": []}, count=1)
        line.bob.answers("verify", {"verdict": "approve"}, count=1)
        [row] = line.lines(line.result(execution)["manifest"])
        assert row["source-ref"] == uri
        assert row["sha256"] == hashlib.sha256(picture(7000 + number)).hexdigest()


def test_a_round_that_nobody_finishes_goes_on_and_the_next_asks_again(line: LabelingLine) -> None:
    uris = {line.upload(f"timed/{number}.jpg") for number in range(3)}
    two_rounds = line.environment("FunctionsCollectAnswers", MAX_ROUNDS="2")
    with line.rounds_last(seconds=15), two_rounds:
        execution = line.start()
        first = line.ann.wait_for("label", 1)
        line.ann.answer(first[0], {"boxes": []})
        line.bob.answers("verify", {"verdict": "approve"}, count=1)
        # What is verified is written, while the others are asked about again.
        eventually(lambda: line.item(first[0]["image_uri"])["status"] == "labeled")
        again = line.bob.wait_for("label", 1)
        assert again[0]["image_uri"] != first[0]["image_uri"]
        line.bob.answer(again[0], {"boxes": []})
        line.ann.answers("verify", {"verdict": "approve"}, count=1)
        result = line.result(execution)
    assert (result["labeled"], result["relabeled"], result["unresolved"]) == (2, 0, 1)
    labeled = {row["source-ref"] for row in line.lines(result["manifest"])}
    [left] = line.lines(result["quarantine"])
    assert labeled | {left["source-ref"]} == uris
    assert left["reason"] == "nobody labelled it while the round was open"
    assert line.ann.claim("label") == []
    again_later = line.start()
    line.ann.answers("label", {"boxes": []}, count=1)
    line.bob.answers("verify", {"verdict": "approve"}, count=1)
    assert [row["source-ref"] for row in line.lines(line.result(again_later)["manifest"])] == [
        left["source-ref"]
    ]


def test_an_execution_for_an_unknown_model_fails_by_name(line: LabelingLine) -> None:
    started = line.states.start_execution(stateMachineArn=line.machine, input='{"model": "tag"}')
    eventually(lambda: line.has_ended(started["executionArn"]))
    found = line.states.describe_execution(executionArn=started["executionArn"])
    assert (found["status"], found["error"]) == ("FAILED", "UnknownModel")
    assert "'tag' is not a model" in found["cause"]
