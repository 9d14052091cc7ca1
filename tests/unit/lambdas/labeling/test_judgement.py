from collections.abc import Sequence
from typing import Any

import pytest

from lambdas.labeling.drawn_labels import LabelRound, skipped
from lambdas.labeling.judgement import Judge, for_next_round, settled
from lambdas.labeling.rounds import Answer, Kind, Task

IMAGE = {"uri": "s3://images/images/tags/1.jpg", "sha256": "ab", "width": 9, "height": 8, "depth": 3}
IMAGE |= {"object_group": ""}
BOXES = [{"label": "scratch", "left": 1, "top": 1, "width": 2, "height": 2}]
MENDED = [{"label": "scratch", "left": 2, "top": 1, "width": 2, "height": 2}]
APPROVE = {"verdict": "approve"}
REJECT = {"verdict": "reject", "reason": "too wide"}


def said(
    who: str, answer: dict[str, Any], kind: Kind = "label", *, number: int = 1, at: str = "T1"
) -> Answer:
    return Answer(number, number, who, at, 7, kind, answer, IMAGE["uri"])


def skip(kind_number: int = 1) -> Task:
    skips = {"skipped": [{"by": name, "reason": "glare", "at": "T0"} for name in ("ann", "bob", "eve")]}
    return Task(kind_number, IMAGE["uri"], 9, 8, answer=skips)


def judge(
    *labels: Answer,
    verdict: Answer | None = None,
    image: dict[str, Any] = IMAGE,
    skips: Sequence[Task] = (),
    verify_skips: Sequence[Task] = (),
    is_last: bool = False,
    again: bool = True,
) -> dict[str, Any]:
    verified = {} if verdict is None else {1: verdict}
    one = Judge(1, is_last=is_last, again=again, verified=verified, skipped=skipped(verify_skips))
    [outcome] = one.outcomes(LabelRound(labels, skips, iou=0.5).drawn([image]))
    return outcome


LABELED = said("ann", {"boxes": BOXES})


def test_an_approved_label_has_everybody_the_time_of_the_approval_and_how_long_it_took() -> None:
    outcome = judge(LABELED, verdict=said("bob", APPROVE, "verify", at="T2"))
    history = outcome.pop("history")
    assert outcome == {
        **IMAGE,
        "outcome": "approved",
        "boxes": BOXES,
        "labeled_by": "ann",
        "verified_by": "bob",
        "annotators": {"labeled": ["ann"], "verified": ["bob"]},
        "at": "T2",
        "seconds": 14,
        "round": 1,
    }
    assert history == [
        {"by": "ann", "at": "T1", "seconds": 7, "what": "label", "boxes": BOXES},
        {"by": "bob", "at": "T2", "seconds": 7, "what": "approve"},
    ]


def test_what_the_verifier_mends_is_the_label_and_verified() -> None:
    outcome = judge(LABELED, verdict=said("bob", {"verdict": "mend", "boxes": MENDED}, "verify", at="T2"))
    assert (outcome["outcome"], outcome["boxes"], outcome["verified_by"]) == ("approved", MENDED, "bob")
    assert outcome["annotators"] == {"labeled": ["ann"], "mended": ["bob"]}


@pytest.mark.parametrize(
    ("labels", "verdict", "is_last", "outcome", "reason"),
    [
        ([], None, False, "unanswered", "nobody labelled it while the round was open"),
        ([said("ann", {"unusable": "dark"})], None, False, "unusable", "unusable: dark"),
        ([LABELED], None, False, "unanswered", "nobody verified its label while the round was open"),
        ([LABELED], REJECT, False, "rejected", "too wide"),
        ([LABELED], REJECT, True, "unresolved", "rejected in the last round: too wide"),
        ([LABELED], {"unusable": "the picture is gone"}, False, "unusable", "unusable: the picture is gone"),
    ],
)
def test_every_other_image_has_a_reason(
    labels: list[Answer], verdict: dict[str, Any] | None, is_last: bool, outcome: str, reason: str
) -> None:
    given = None if verdict is None else said("bob", verdict, "verify")
    judgement = judge(*labels, verdict=given, is_last=is_last)
    assert (judgement["outcome"], judgement["reason"]) == (outcome, reason)


def test_what_nobody_answers_is_free_where_there_is_no_other_round() -> None:
    assert judge(again=False)["outcome"] == "unresolved"
    left = judge(LABELED, again=False)
    assert (left["outcome"], left["boxes"], left["labeled_by"]) == ("unresolved", BOXES, "ann")


def test_a_label_that_nobody_verified_is_kept_and_verified_in_the_next_round() -> None:
    [image] = for_next_round([judge(LABELED)])
    assert image["labeled"] == {"boxes": BOXES, "by": ("ann",), "at": "T1", "agreement": {}}
    outcome = judge(image=image, verdict=said("bob", APPROVE, "verify", at="T9"))
    assert (outcome["outcome"], outcome["boxes"], outcome["labeled_by"]) == ("approved", BOXES, "ann")
    assert [entry["what"] for entry in outcome["history"]] == ["label", "approve"]


def test_answers_belong_to_the_image_of_their_number() -> None:
    images = [{**IMAGE, "uri": f"s3://images/{number}"} for number in (1, 2, 3)]
    one = Judge(1, is_last=False, again=True, verified={3: said("bob", APPROVE, "verify")}, skipped={})
    third = LabelRound([said("ann", {"boxes": BOXES}, number=3)], [], iou=0.5)
    found = [outcome["outcome"] for outcome in one.outcomes(third.drawn(images))]
    assert found == ["unanswered", "unanswered", "approved"]


def test_a_rejected_image_comes_again_with_what_was_rejected_and_why() -> None:
    rejected = judge(LABELED, verdict=said("bob", REJECT, "verify"))
    approved = judge(LABELED, verdict=said("bob", APPROVE, "verify"))
    [image] = for_next_round([rejected, approved])
    history = image.pop("history")
    assert image == {**IMAGE, "rejected": {"boxes": BOXES, "reason": "too wide"}, "rejections": 1}
    assert [entry["what"] for entry in history] == ["label", "reject"]


def test_a_label_that_is_rejected_twice_goes_to_a_supervisor_with_all_that_was_drawn() -> None:
    [again] = for_next_round([judge(LABELED, verdict=said("bob", REJECT, "verify"))])
    second = said("eve", {"boxes": MENDED})
    outcome = judge(second, image=again, verdict=said("ann", {**REJECT, "reason": "too small"}, "verify"))
    assert (outcome["outcome"], outcome["reason"]) == ("disputed", "rejected 2 times: too small")
    assert outcome["rejected"] == {"boxes": MENDED, "reason": "too small"}
    assert [entry["boxes"] for entry in outcome["history"] if "boxes" in entry] == [BOXES, MENDED]
    assert list(for_next_round([outcome])) == []


def test_being_offered_again_in_between_does_not_forget_a_rejection() -> None:
    [again] = for_next_round([judge(LABELED, verdict=said("bob", REJECT, "verify"))])
    [offered] = for_next_round([judge(image=again)])
    assert offered["rejected"] == {"boxes": BOXES, "reason": "too wide"}
    outcome = judge(LABELED, image=offered, verdict=said("bob", REJECT, "verify"))
    assert outcome["outcome"] == "disputed"


def test_what_everybody_skips_goes_to_a_supervisor() -> None:
    outcome = judge(skips=[skip()])
    assert (outcome["outcome"], outcome["reason"]) == ("disputed", "everybody skipped it")
    assert [(entry["by"], entry["what"]) for entry in outcome["history"]] == [
        ("ann", "skip"), ("bob", "skip"), ("eve", "skip"),
    ]  # fmt: skip
    outcome = judge(LABELED, verify_skips=[skip()])
    assert (outcome["outcome"], outcome["reason"]) == ("disputed", "everybody skipped its verification")
    assert judge(LABELED, skips=[skip(2)], verdict=said("bob", APPROVE))["outcome"] == "approved"


def test_several_people_are_merged_and_none_of_them_is_lost() -> None:
    labels = [said(name, {"boxes": BOXES}, at=f"T{name}") for name in ("eve", "ann", "bob")]
    outcome = judge(*labels, verdict=said("dan", APPROVE, "verify"))
    assert outcome["annotators"] == {"labeled": ["ann", "bob", "eve"], "verified": ["dan"]}
    assert (outcome["labeled_by"], outcome["seconds"]) == ("ann,bob,eve", 28)
    assert (outcome["agreement"], outcome["mean_iou"], outcome["unmatched_share"]) == (1, 1, 0)


def test_several_people_without_a_majority_go_to_a_supervisor() -> None:
    apart = [[{**BOXES[0], "left": left}] for left in (0, 3, 6)]
    labels = [said(name, {"boxes": boxes}) for name, boxes in zip("abc", apart, strict=True)]
    outcome = judge(*labels)
    assert (outcome["outcome"], outcome["reason"]) == ("disputed", "those who labelled it do not agree")
    [over] = settled([outcome], {1: said("sue", {"boxes": BOXES}, "settle", at="T5")}, number=2)
    assert (over["agreement"], over["unmatched_share"], over["round"]) == (0, 1, 2)


def test_a_supervisor_has_the_last_word() -> None:
    disputed = judge(skips=[skip()])
    [over] = settled([disputed], {1: said("sue", {"boxes": BOXES}, "settle", at="T5")}, number=3)
    assert {name: over[name] for name in ("outcome", "boxes", "labeled_by", "verified_by", "at")} == {
        "outcome": "approved", "boxes": BOXES, "labeled_by": "sue", "verified_by": "sue", "at": "T5",
    }  # fmt: skip
    assert over["annotators"] == {"labeled": [], "settled": ["sue"]}
    assert over["history"][-1]["what"] == "settle"
    [gone] = settled([disputed], {1: said("sue", {"unusable": "glare"}, "settle")}, number=3)
    assert (gone["outcome"], gone["reason"]) == ("unusable", "unusable: glare")


def test_what_no_supervisor_settles_is_free_for_the_next_execution() -> None:
    [left] = settled([judge(skips=[skip()])], {}, number=3)
    assert (left["outcome"], left["reason"]) == (
        "unresolved",
        "no supervisor settled it: everybody skipped it",
    )
