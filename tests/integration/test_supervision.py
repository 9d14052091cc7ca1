"""What supervisors see and do, by their function on the table of the stack, while people answer."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config
from task_bench import BOX, BUCKET, TaskBench, bench_of

from lambdas.common.proxied import Refused
from lambdas.labeling import supervision as supervision_module
from lambdas.labeling.rounds import Task
from lambdas.labeling.supervision import Supervision
from local.cloud.server import LocalCloud

ACCEPTED = (200, {"accepted": True})
MOVED = {**BOX, "left": 5}


@pytest.fixture
def bench(cloud: LocalCloud) -> Iterator[TaskBench]:
    with bench_of(cloud).cleared() as cleared:
        yield cleared


@pytest.fixture
def supervision(bench: TaskBench, cloud: LocalCloud) -> Supervision:
    s3 = cloud.root_session().client("s3", config=Config(signature_version="s3v4"))
    return Supervision(bench.table, bench.rounds, s3, 0.5)


def of(found: list[dict[str, Any]], **wanted: str) -> dict[str, Any]:
    """The one document that has these values."""
    [one] = [document for document in found if wanted.items() <= document.items()]
    return one


def test_what_people_did_and_how_far_they_agree(bench: TaskBench, supervision: Supervision) -> None:
    model = "agreement"
    labels = bench.open(bench.tasks(3, each=2), model=model)
    for name, boxes in (("agnes", [[BOX], [], [BOX]]), ("abel", [[MOVED], [], []])):
        person = bench.person(name)
        claimed = sorted(person.claim(round=labels.id), key=_number)
        for seconds, task, answer in zip((10, 20, 30), claimed, boxes, strict=True):
            assert person.answer(task, {"boxes": answer, "seconds": seconds}) == ACCEPTED
    verify = bench.open(
        [Task(n, bench.picture("any.jpg"), 60, 40, boxes=[BOX], labeled_by=("agnes",)) for n in (1, 2)],
        "verify",
        model,
    )
    alma = bench.person("alma")
    first, second = alma.claim("verify", round=verify.id)
    assert alma.answer(first, {"verdict": "mend", "boxes": [MOVED]}) == ACCEPTED
    assert alma.answer(second, {"verdict": "reject", "reason": "loose"}) == ACCEPTED
    found = supervision.overview()
    agnes = of(found["people"], name="agnes")
    assert agnes["label"] == {"answered": 3, "seconds_median": 20, "rejected_share": 0.5}
    agreed = of(found["agreement"], model=model)
    assert agreed["approved_share"] == 0
    pair = of(agreed["pairs"], a="abel", b="agnes")
    # 20 x 10 boxes, one moved by a pixel: 190 of 210; agnes and abel differ about one picture of three.
    assert (pair["images"], pair["mean_iou"]) == (3, pytest.approx(190 / 210))
    assert pair["kappa"] == pytest.approx((2 / 3 - 4 / 9) / (1 - 4 / 9))
    assert of(agreed["pairs"], a="agnes", b="alma")["images"] == 1
    shown = of(found["rounds"], round=labels.id)
    assert (shown["answered"], shown["total"], shown["open"], shown["kind"]) == (6, 6, 0, "label")


def test_a_round_that_is_closed_while_somebody_draws_takes_no_more(
    bench: TaskBench, supervision: Supervision
) -> None:
    opened = bench.open(bench.tasks(3))
    ann = bench.person("ann")
    done, drawing, _ = ann.claim()
    assert ann.answer(done, {"boxes": [BOX]}) == ACCEPTED
    supervision.close(opened.id)
    supervision.close(opened.id)
    assert bench.states.told == [opened.id], "the state machine goes on, once"
    assert ann.claim() == []
    bench.rounds.close(opened.id)  # as the state machine does then
    status, refusal = ann.answer(drawing, {"boxes": [BOX]})
    assert (status, "over" in refusal["message"]) == (409, True)
    shown = supervision.tasks(opened.id, 0)
    assert sorted(task["status"] for task in shown["tasks"]) == ["answered", "left", "left"]
    assert of(supervision.overview()["rounds"], round=opened.id)["status"] == "closed"


def test_every_picture_of_a_round_with_all_that_was_said(
    bench: TaskBench, supervision: Supervision, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision_module, "PAGE_TASKS", 4)
    opened = bench.open(bench.tasks(3, each=2))
    ann, bob = bench.person("ann"), bench.person("bob")
    drawn, skipped, _ = ann.claim()
    assert ann.answer(drawn, {"boxes": [BOX], "seconds": 7}) == ACCEPTED
    assert ann.skip(skipped, "too dark") == ACCEPTED
    [second] = [task for task in bob.claim() if task["task_id"].endswith(f"-{_number(drawn) + 1}")]
    assert bob.answer(second, {"unusable": "a thumb"}) == ACCEPTED
    first_page = supervision.tasks(opened.id, 0)
    assert first_page["next"] == "4"
    second_page = supervision.tasks(opened.id, int(first_page["next"]))
    assert second_page["next"] is None
    found = {task["number"]: task for task in first_page["tasks"] + second_page["tasks"]}
    assert sorted(found) == [1, 2, 3, 4, 5, 6]
    [by_ann] = found[_number(drawn)]["answers"]
    assert (by_ann["by"], by_ann["what"], by_ann["boxes"], by_ann["seconds"]) == ("ann", "boxes", [BOX], 7)
    [by_bob] = found[_number(second)]["answers"]
    assert (by_bob["by"], by_bob["what"], by_bob["reason"]) == ("bob", "unusable", "a thumb")
    assert [skip["reason"] for skip in found[_number(skipped)]["skipped"]] == ["too dark"]
    states = {number: task["status"] for number, task in found.items()}
    assert set(states.values()) == {"answered", "held", "waiting"}
    with urllib.request.urlopen(found[1]["image_url"]) as picture:  # noqa: S310
        assert picture.read() == b"a picture"
    assert f"s3://{BUCKET}/images/tags/any.jpg" == found[1]["image_uri"]


def _number(task: dict[str, Any]) -> int:
    return int(task["task_id"].split("-")[1])


@pytest.mark.parametrize("round_id", ["", "0123456789abcdef", "../x", "ROUND#1", "a" * 3000])
def test_an_unknown_round_is_not_there(supervision: Supervision, round_id: str) -> None:
    for ask in (lambda: supervision.tasks(round_id, 0), lambda: supervision.close(round_id)):
        with pytest.raises(Refused) as refused:
            ask()
        assert refused.value.status == 404


def test_statistics_read_no_more_rounds_than_they_can(
    bench: TaskBench, supervision: Supervision, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        bench.open(bench.tasks(2))
    monkeypatch.setattr(supervision_module, "MOST_TASKS", 5)
    found = supervision.overview()
    assert found["considered"]["rounds"] == 2
    assert len(found["rounds"]) >= 3, "all are shown"
    monkeypatch.setattr(supervision_module, "MOST_TASKS", 1)
    assert supervision.overview()["considered"]["rounds"] == 1, "the newest, however large"
    assert json.dumps(found)
