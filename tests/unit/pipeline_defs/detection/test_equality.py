"""Differences between the training's predictions and an endpoint's answers, planted and allowed."""

import json
from pathlib import Path

import pytest

from pipeline_defs.common.job import JobError
from pipeline_defs.detection.dataset import LabeledPicture, Split
from pipeline_defs.detection.equality import Comparison, compare, read_predictions
from pipeline_defs.detection.scoring import Scored

SCRATCH = Scored("scratch", 0.9, (10, 20, 60, 50))
DENT = Scored("dent", 0.4, (100, 20, 160, 50))
FAINT = Scored("scratch", 0.1, (200, 20, 260, 50))


def split(*, side: int = 300, pictures: int = 1) -> Split:
    found = tuple(
        LabeledPicture(f"{n}.jpg", f"sha-{n}", f"s3://b/{n}.jpg", side, side, "g", ())
        for n in range(pictures)
    )
    return Split(Path(), ("scratch", "dent"), found, "")


def compared(trained: list[Scored], answered: list[Scored], *, side: int = 300) -> Comparison:
    return compare({"sha-0": trained}, split(side=side), [answered])


def moved(detection: Scored, *, by: float = 0.0, score: float = 0.0, label: str | None = None) -> Scored:
    left, top, right, bottom = detection.box
    box = (left + by, top, right + by, bottom)
    return Scored(label or detection.label, detection.score + score, box)


def test_the_same_is_equal_in_any_order() -> None:
    found = compared([SCRATCH, DENT, FAINT], [FAINT, DENT, SCRATCH])
    assert found.report()["passed"]
    assert (found.pictures, found.compared, found.differences) == (1, 2, [])


def test_what_rounding_changes_is_equal_and_told() -> None:
    report = compared([SCRATCH], [moved(SCRATCH, by=0.3, score=-0.0009)]).report()
    assert report["passed"]
    assert (report["largest_box_pixels"], report["largest_score"]) == (0.3, 0.0009)


@pytest.mark.parametrize(
    ("answered", "difference"),
    [
        ([moved(SCRATCH, by=3), DENT], "is found 3.00 pixels off, with a score +0.0000"),
        ([moved(SCRATCH, by=0.6), DENT], "is found 0.60 pixels off"),
        ([moved(SCRATCH, score=-0.002), DENT], "is found 0.00 pixels off, with a score -0.0020"),
        ([moved(SCRATCH, label="dent"), DENT], "is found as dent 0.00 pixels off"),
        ([DENT], "scratch 0.9000 at (10.0, 20.0, 60.0, 50.0) is missing"),
        ([SCRATCH, DENT, moved(DENT, by=80)], "dent 0.4000 at (180.0, 20.0, 240.0, 50.0) is new"),
        ([SCRATCH, SCRATCH, DENT], "is new"),
    ],
)
def test_a_planted_difference_is_found_once(answered: list[Scored], difference: str) -> None:
    found = compared([SCRATCH, DENT], answered)
    assert not found.report()["passed"]
    assert len(found.differences) == 1
    assert found.differences[0].startswith("0.jpg: ")
    assert difference in found.differences[0]


def test_a_detection_at_the_least_score_may_lie_just_under_it_on_one_side() -> None:
    above, below = Scored("dent", 0.2504, DENT.box), Scored("dent", 0.2496, DENT.box)
    for trained, answered in ((above, below), (below, above)):
        found = compared([trained], [answered])
        assert (found.compared, found.differences) == (1, [])


def test_what_no_caller_sees_by_default_is_left_to_the_metrics() -> None:
    assert compared([FAINT], []).report()["passed"]
    assert compared([], [FAINT]).report()["passed"]


def test_in_large_pictures_a_pixel_is_less() -> None:
    assert compared([SCRATCH], [moved(SCRATCH, by=3.9)], side=4000).differences == []
    assert compared([SCRATCH], [moved(SCRATCH, by=4.1)], side=4000).differences


def test_one_in_a_thousand_may_differ_and_of_fewer_none() -> None:
    pictures = 1000
    trained = {f"sha-{n}": [SCRATCH] for n in range(pictures)}
    answered = [[SCRATCH] for _ in range(pictures)]
    answered[7] = [moved(SCRATCH, by=3)]
    assert compare(trained, split(pictures=pictures), answered).report()["passed"]
    answered[8] = []
    assert not compare(trained, split(pictures=pictures), answered).report()["passed"]
    few = compare(trained, split(pictures=900), answered[:900]).report()
    assert (few["allowed"], few["different"], few["passed"]) == (0, 2, False)


def test_only_the_first_differences_are_named_and_all_are_counted() -> None:
    trained = {f"sha-{n}": [SCRATCH] for n in range(30)}
    report = compare(trained, split(pictures=30), [[] for _ in range(30)]).report()
    assert (len(report["differences"]), report["different"]) == (20, 30)


def test_a_picture_that_the_training_did_not_evaluate_is_a_difference() -> None:
    found = compare({}, split(), [[SCRATCH]])
    assert found.pictures == 0
    assert found.differences == ["0.jpg: the training's evaluation does not know it"]


def test_predictions_are_read_by_picture(tmp_path: Path) -> None:
    row = {"sha256": "sha-0", "detections": [{"label": "dent", "score": 1, "box": [1, 2, 3, 4]}]}
    (tmp_path / "predictions.json").write_text(json.dumps([row]))
    assert read_predictions(tmp_path) == {"sha-0": [Scored("dent", 1.0, (1, 2, 3, 4))]}


@pytest.mark.parametrize("content", [None, "", "{}x", '[{"sha256": "a"}]', "[3]"])
def test_what_are_no_predictions_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "predictions.json").write_text(content)
    with pytest.raises(JobError, match=r"predictions\.json: not the predictions"):
        read_predictions(tmp_path)
