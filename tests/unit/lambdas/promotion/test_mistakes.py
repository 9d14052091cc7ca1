"""What counts as which mistake, and that the counts are those of the evaluation."""

import numpy as np
import pytest

from lambdas.promotion.pages.labels import place
from lambdas.promotion.pages.mistakes import Box, Compared, Judged, compare, judge, worst
from pipeline_defs.detection.scoring import PictureResult, Scored, Truth, score_detections

SCORE = 0.25
Shape = tuple[float, float, float, float]


def picture(truth: list[tuple[str, Shape]], found: list[tuple[str, float, Shape]]) -> dict[str, object]:
    """An entry of predictions.json; shapes are left, top, right, bottom."""
    boxes = [
        {"label": label, "left": left, "top": top, "width": right - left, "height": bottom - top}
        for label, (left, top, right, bottom) in truth
    ]
    answers = [{"label": label, "score": score, "box": list(box)} for label, score, box in found]
    return {"file": "a.jpg", "width": 200, "height": 100, "truth": boxes, "detections": answers}


HERE, NEAR, AWAY = (10.0, 10.0, 50.0, 50.0), (30.0, 10.0, 70.0, 50.0), (120.0, 10.0, 160.0, 50.0)


@pytest.mark.parametrize(
    ("found", "objects", "answers"),
    [
        ([], ["missed"], []),
        ([("scratch", 0.9, HERE)], ["found"], ["right"]),
        ([("scratch", 0.2, HERE)], ["missed"], []),
        ([("scratch", 0.9, AWAY)], ["missed"], ["false"]),
        ([("scratch", 0.9, NEAR)], ["misplaced"], ["misplaced"]),
        ([("dent", 0.9, HERE)], ["confused"], ["confused"]),
        ([("scratch", 0.9, HERE), ("scratch", 0.8, HERE)], ["found"], ["right", "false"]),
        ([("scratch", 0.5, HERE), ("scratch", 0.9, NEAR)], ["found"], ["false", "right"]),
    ],
)
def test_verdicts(found: list[tuple[str, float, Shape]], objects: list[str], answers: list[str]) -> None:
    judged = judge(picture([("scratch", HERE)], found), SCORE)
    assert [mark.verdict for mark in judged.objects] == objects
    assert [mark.verdict for mark in judged.answers] == answers


@pytest.mark.parametrize("seed", range(20))
def test_the_counts_are_those_of_the_evaluation(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def shape() -> Shape:
        left, top = rng.uniform(0, 120), rng.uniform(0, 40)
        return float(left), float(top), float(left + rng.uniform(10, 60)), float(top + rng.uniform(10, 40))

    labels = ("scratch", "dent")
    truth = [(str(rng.choice(labels)), shape()) for _ in range(5)]
    found = [(str(rng.choice(labels)), float(rng.uniform()), shape()) for _ in range(6)]
    found += [(label, float(rng.uniform()), box) for label, box in truth[:3]]
    judged = judge(picture(truth, found), SCORE)
    result = PictureResult(
        [Truth(label, box) for label, box in truth],
        [Scored(label, score, box) for label, score, box in found],
    )
    by_class = score_detections([result], labels, operating_score=SCORE).by_class.values()
    assert judged.tally("found") == sum(one.true_positives for one in by_class)
    wrong = sum(mark.verdict != "right" for mark in judged.answers)
    assert wrong == sum(one.false_positives for one in by_class)


def of(badness: float, file: str) -> Judged:
    found = [("scratch", badness, AWAY)] if badness else []
    return judge({**picture([], found), "file": file}, SCORE)


def test_the_worst_are_first_where_prod_does_better_and_then_the_others() -> None:
    new = [of(0.9, "a"), of(0.5, "b"), of(0.8, "c"), of(0.0, "d")]
    prod = [of(0.9, "a"), of(0.0, "b"), of(0.9, "c"), of(0.9, "d")]
    worse, others = worst(compare(new, prod), 4)
    assert [pair.new.file for pair in worse] == ["b"]
    assert [pair.new.file for pair in others] == ["a", "c"]


def test_what_is_not_known_of_prod_is_no_reason() -> None:
    assert Compared(of(0.9, "a"), None).worsening == 0


def test_words_do_not_lie_on_one_another_and_stay_in_the_picture() -> None:
    texts = [(Box("scratch", 150.0, 2.0, 199.0, 20.0, 0.5), "misplaced 0.50") for _ in range(5)]
    labels = place(texts, width=200, height=100)
    assert len({(label.x, label.y) for label in labels}) == 5
    for label in labels:
        assert 0 <= label.x <= 200 - len(label.text) * label.size * 0.5
        assert label.size <= label.y <= 100
