import numpy as np
import pytest

from local.demo.boxes import Box, match, overlap
from local.demo.mistakes import SEEN_AS_WRONG, make_mistake, what_is_wrong

TRUTH = (Box("scratch", 10, 10, 30, 5), Box("dent", 60, 40, 20, 20))


def test_overlap_is_intersection_over_union():
    assert overlap(Box("a", 0, 0, 10, 10), Box("b", 5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert overlap(Box("a", 0, 0, 10, 10), Box("a", 10, 0, 10, 10)) == 0
    assert overlap(TRUTH[0], TRUTH[0]) == 1


def test_a_box_is_paired_once_with_its_best_match_of_the_same_label():
    near, nearer = Box("scratch", 12, 10, 30, 5), Box("scratch", 11, 10, 30, 5)

    assert match(TRUTH, [near, nearer, Box("scratch", 60, 40, 20, 20)], 0.5) == [(0, 1)]


@pytest.mark.parametrize(
    "truth", [(), TRUTH[:1], TRUTH, (Box("scratch", 0, 0, 100, 80),), (Box("dent", 99, 0, 1, 80),)]
)
def test_every_mistake_is_one_that_a_verifier_sees_and_the_workbench_accepts(truth):
    for seed in range(60):
        boxes = make_mistake(np.random.default_rng(seed), truth, ("scratch", "dent"), 100, 80)

        assert what_is_wrong(truth, boxes, match(truth, boxes, SEEN_AS_WRONG))
        _check_inside(boxes, width=100, height=80)


def _check_inside(boxes, width, height):
    for box in boxes:
        assert box.label in ("scratch", "dent")
        assert min(box.left, box.top) >= 0
        assert min(box.width, box.height) > 0
        assert box.right <= width
        assert box.bottom <= height


def test_all_kinds_of_mistakes_happen():
    reasons = set()
    for seed in range(60):
        boxes = make_mistake(np.random.default_rng(seed), TRUTH, ("scratch", "dent"), 100, 80)
        reasons.add(what_is_wrong(TRUTH, boxes, match(TRUTH, boxes, SEEN_AS_WRONG)))

    assert reasons == {
        "1 of 2 objects have no box",
        "1 boxes show nothing",
        "1 of the boxes are in the wrong place or of the wrong class",
    }


def test_nothing_is_wrong_with_the_truth():
    assert what_is_wrong(TRUTH, TRUTH, match(TRUTH, TRUTH, SEEN_AS_WRONG)) is None
