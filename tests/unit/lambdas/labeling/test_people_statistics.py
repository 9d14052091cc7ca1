from typing import Any

import pytest

from lambdas.labeling.kept_answers import Answer
from lambdas.labeling.people_statistics import Statistics
from lambdas.labeling.tasks import Task

BOX = {"label": "scratch", "left": 0, "top": 0, "width": 10, "height": 10}
MOVED = {**BOX, "left": 2}


def given(
    number: int, who: str, kind: Any, answer: Any, seconds: int | None = None, image: int = 0
) -> Answer:
    return Answer(number, image or number, who, "2026-11-21T08:00:00Z", seconds, kind, answer, "s3://b/k")


def verify_task(number: int, *labeled_by: str) -> Task:
    return Task(number, f"s3://b/{number}", 100, 100, boxes=[BOX], labeled_by=labeled_by)


@pytest.fixture
def statistics() -> Statistics:
    return Statistics(least_iou=0.5)


def test_who_did_what_and_how_long_it_took(statistics: Statistics) -> None:
    labels = [
        given(1, "ann", "label", {"boxes": [BOX]}, 10),
        given(2, "ann", "label", {"boxes": []}, 30),
        given(3, "ann", "label", {"unusable": "dark"}),
        given(4, "", "label", {"unusable": "the picture is gone"}),
    ]
    assert statistics.add_round("tags", [], labels, {"ann": 0, "cleo": 2}) == 3
    verdicts = [
        given(1, "bob", "verify", {"verdict": "reject", "reason": "loose"}, 4),
        given(2, "bob", "verify", {"verdict": "approve"}, 6),
    ]
    statistics.add_round("tags", [verify_task(1, "ann"), verify_task(2, "ann")], verdicts, {})
    nothing = {"answered": 0, "seconds_median": None, "rejected_share": None}
    assert statistics.people() == [
        {
            "name": "ann",
            "label": {"answered": 3, "seconds_median": 20, "rejected_share": 0.5},
            "verify": nothing,
            "settle": nothing,
            "skipped": 0,
        },
        {
            "name": "bob",
            "label": nothing,
            "verify": {"answered": 2, "seconds_median": 5, "rejected_share": 0.5},
            "settle": nothing,
            "skipped": 0,
        },
        {"name": "cleo", "label": nothing, "verify": nothing, "settle": nothing, "skipped": 2},
    ]
    [model] = statistics.agreement()
    assert (model["model"], model["approved_share"], model["pairs"]) == ("tags", 0.5, [])


def test_a_mend_compares_who_drew_with_who_mended(statistics: Statistics) -> None:
    mend = {"verdict": "mend", "boxes": [MOVED]}
    statistics.add_round("tags", [verify_task(1, "ann")], [given(1, "bob", "verify", mend)], {})
    [model] = statistics.agreement()
    [pair] = model["pairs"]
    assert (pair["a"], pair["b"], pair["images"]) == ("ann", "bob", 1)
    assert pair["mean_iou"] == model["mean_iou"] == pytest.approx(80 / 120)
    assert model["approved_share"] == 0
    ann, bob = statistics.people()
    assert ann["label"]["rejected_share"] == bob["verify"]["rejected_share"] == 0, "mended is not rejected"


def test_a_mended_consensus_is_nobodys_own(statistics: Statistics) -> None:
    mend = {"verdict": "mend", "boxes": [MOVED]}
    statistics.add_round("tags", [verify_task(1, "ann", "bob")], [given(1, "cleo", "verify", mend)], {})
    assert statistics.agreement()[0]["pairs"] == []


def test_all_who_drew_on_one_picture_are_compared(statistics: Statistics) -> None:
    labels = [
        given(1, "ann", "label", {"boxes": [BOX]}, image=1),
        given(2, "bob", "label", {"boxes": [BOX]}, image=1),
        given(3, "cleo", "label", {"boxes": []}, image=1),
        given(4, "ann", "label", {"unusable": "dark"}, image=2),
        given(5, "bob", "label", {"boxes": []}, image=2),
        given(7, "cleo", "label", {"boxes": [BOX]}, image=3),
    ]
    statistics.add_round("tags", [], labels, {})
    [model] = statistics.agreement()
    found = {(pair["a"], pair["b"]): (pair["images"], pair["mean_iou"]) for pair in model["pairs"]}
    assert found == {("ann", "bob"): (2, 1), ("ann", "cleo"): (1, None), ("bob", "cleo"): (1, None)}


def test_the_models_are_kept_apart(statistics: Statistics) -> None:
    for model in ("tags", "pcb"):
        statistics.add_round(
            model, [verify_task(1, "ann")], [given(1, "bob", "verify", {"verdict": "approve"})], {}
        )
    assert [(found["model"], found["approved_share"]) for found in statistics.agreement()] == [
        ("pcb", 1), ("tags", 1),
    ]  # fmt: skip
    assert Statistics(least_iou=0.5).agreement() == []
