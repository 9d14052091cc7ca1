from dataclasses import replace

import pytest

from lambdas.labeling.collect_answers import judged, to_label_again
from lambdas.labeling.rounds import Task

IMAGE = {"uri": "s3://images/images/tags/1.jpg", "sha256": "ab", "width": 9, "height": 8, "depth": 3}
IMAGE |= {"object_group": ""}
BOXES = [{"label": "scratch", "left": 1, "top": 1, "width": 2, "height": 2}]
LABELED = Task(1, IMAGE["uri"], 9, 8, answer={"boxes": BOXES}, answered_by="ann", answered_at="T1")
VERIFIED = Task(1, IMAGE["uri"], 9, 8, answer={"verdict": "approve"}, answered_by="bob", answered_at="T2")
REJECTED = replace(VERIFIED, answer={"verdict": "reject", "reason": "too wide"})


def judge(labeled: Task | None, verified: Task | None, *, is_last: bool = False) -> dict[str, object]:
    tasks = ({} if task is None else {1: task} for task in (labeled, verified))
    [outcome] = judged([IMAGE], *tasks, is_last=is_last)
    return outcome


def test_an_approved_label_has_both_people_and_the_time_of_the_approval() -> None:
    assert judge(LABELED, VERIFIED) == {
        **IMAGE,
        "outcome": "approved",
        "boxes": BOXES,
        "labeled_by": "ann",
        "verified_by": "bob",
        "at": "T2",
    }


@pytest.mark.parametrize(
    ("labeled", "verified", "is_last", "outcome", "reason"),
    [
        (None, None, False, "unresolved", "nobody labelled it while the round was open"),
        (replace(LABELED, answer={"unusable": "dark"}), None, False, "unusable", "unusable: dark"),
        (LABELED, None, False, "unresolved", "nobody verified its label while the round was open"),
        (LABELED, REJECTED, False, "rejected", "too wide"),
        (LABELED, REJECTED, True, "unresolved", "rejected in the last round: too wide"),
    ],
)
def test_every_other_image_has_a_reason(
    labeled: Task | None, verified: Task | None, is_last: bool, outcome: str, reason: str
) -> None:
    judgement = judge(labeled, verified, is_last=is_last)
    assert (judgement["outcome"], judgement["reason"]) == (outcome, reason)


def test_answers_belong_to_the_image_of_their_number() -> None:
    images = [{**IMAGE, "uri": f"s3://images/{number}"} for number in (1, 2, 3)]
    third = {3: replace(LABELED, number=3)}
    outcomes = list(judged(images, third, {3: replace(VERIFIED, number=3)}, is_last=False))
    assert [outcome["outcome"] for outcome in outcomes] == ["unresolved", "unresolved", "approved"]


def test_a_rejected_image_comes_again_with_what_was_rejected_and_why() -> None:
    outcomes = [{**judge(LABELED, REJECTED), "round": 1}, {**judge(LABELED, VERIFIED), "round": 1}]
    assert list(to_label_again(outcomes)) == [{**IMAGE, "rejected": {"boxes": BOXES, "reason": "too wide"}}]


def test_the_second_rejection_replaces_the_first() -> None:
    again = [{**IMAGE, "rejected": {"boxes": [], "reason": "first"}}]
    outcomes = judged(again, {1: LABELED}, {1: REJECTED}, is_last=False)
    [image] = to_label_again({**outcome, "round": 2} for outcome in outcomes)
    assert image["rejected"] == {"boxes": BOXES, "reason": "too wide"}
