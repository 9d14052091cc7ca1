import random
from itertools import permutations
from typing import Any

import pytest

from lambdas.labeling.consensus import Opinion, consensus, matched, merged, overlap


def box(
    left: float, top: float = 0, width: float = 10, height: float = 10, label: str = "a"
) -> dict[str, Any]:
    return {"label": label, "left": left, "top": top, "width": width, "height": height}


def opinions(*drawn: list[dict[str, Any]]) -> list[Opinion]:
    return [Opinion(name, boxes) for name, boxes in zip("abcde", drawn, strict=False)]


def test_overlap_is_the_common_area_over_that_of_both() -> None:
    assert overlap(box(0), box(0)) == 1
    assert overlap(box(0), box(5)) == pytest.approx(50 / 150)
    assert overlap(box(0), box(10)) == 0
    assert overlap(box(0, 0), box(5, 5)) == pytest.approx(25 / 175)


def test_each_side_of_a_merged_box_is_the_median_of_theirs() -> None:
    three = [box(0, 0, 10, 10), box(1, 2, 10, 10), box(5, 1, 10, 12)]
    assert merged(three) == {"label": "a", "left": 1, "top": 1, "width": 10, "height": 11}
    assert merged([box(0), box(0.25)])["left"] == 0.12
    assert merged([box(3.33, 4, 5.55, 6)]) == box(3.33, 4, 5.55, 6)


def test_of_three_people_two_are_a_majority_and_one_is_not() -> None:
    found = consensus(opinions([box(0), box(100)], [box(1)], [box(0)]), iou=0.5)
    assert found.boxes == (box(0),)
    assert found.unusable is None
    # Three pairs of boxes match; of two looks at each of four boxes, those at the lone one find nothing.
    assert found.agreement == {"mean_iou": 0.8788, "unmatched_share": 0.25, "agreement": 0.6591}


def test_of_two_people_one_is_enough_since_a_third_one_verifies() -> None:
    found = consensus(opinions([box(0)], []), iou=0.5)
    assert found.boxes == (box(0),)
    assert found.agreement == {"mean_iou": None, "unmatched_share": 1, "agreement": 0}


def test_nobody_drawing_anything_is_full_agreement() -> None:
    found = consensus(opinions([], [], []), iou=0.5)
    assert found.boxes == ()
    assert found.agreement == {"mean_iou": None, "unmatched_share": 0, "agreement": 1}


def test_where_most_drew_and_no_box_is_shared_there_is_no_majority() -> None:
    found = consensus(opinions([box(0)], [box(100)], [box(200)]), iou=0.5)
    assert (found.boxes, found.unusable) == (None, None)
    assert consensus(opinions([box(0)], [], []), iou=0.5).boxes == ()


def test_another_class_is_another_box() -> None:
    found = consensus(opinions([box(0)], [box(0, label="b")], [box(0)]), iou=0.5)
    assert found.boxes == (box(0),)


def test_the_picture_is_unusable_if_most_say_so_and_in_doubt_nobody_has_a_majority() -> None:
    against = [Opinion("x", unusable="dark"), Opinion("y", unusable="blurred")]
    most = consensus([Opinion("a", [box(0)]), *against], iou=0.5)
    assert (most.boxes, most.unusable) == (None, "x: dark; y: blurred")
    assert most.agreement == {}
    half = consensus([Opinion("a", [box(0)]), Opinion("b", [box(0)]), *against], iou=0.5)
    assert (half.boxes, half.unusable) == (None, None)
    few = consensus([*opinions([box(0)], [box(0)]), against[0]], iou=0.5)
    assert few.boxes == (box(0),)


def test_the_best_match_goes_first_and_nobody_has_two_boxes_in_one() -> None:
    # Both of the second person's boxes overlap the first's by a half and more.
    first, near, far = box(0), box(1), box(3)
    groups = matched([[first], [far, near]], iou=0.5)
    assert groups == [[first, near], [far]]


def test_a_chain_of_shifts_does_not_join_boxes_that_lie_apart() -> None:
    chain = [[box(0)], [box(3)], [box(6)]]
    groups = matched(chain, iou=0.5)
    assert sorted(map(len, groups)) == [1, 2]
    assert all(overlap(one, other) >= 0.5 for group in groups for one in group for other in group)


def test_one_person_alone_keeps_the_boxes() -> None:
    drawn = [box(0.1, 0.2, 10.3, 5.07), box(1)]
    found = consensus(opinions(drawn), iou=0.5)
    assert found.boxes == tuple(drawn)
    assert found.agreement == {}


def test_the_order_of_the_answers_changes_nothing_and_every_box_is_in_one_group() -> None:
    rng = random.Random(5)  # noqa: S311
    for _ in range(40):
        drawn = [
            [
                box(rng.randint(0, 12), rng.randint(0, 4), rng.randint(6, 12), 10, rng.choice("ab"))
                for _ in range(rng.randint(0, 4))
            ]
            for _ in range(3)
        ]
        expected = consensus(opinions(*drawn), iou=0.4)
        for order in permutations(opinions(*drawn)):
            assert consensus(order, iou=0.4) == expected
        groups = matched(drawn, iou=0.4)
        assert sum(map(len, groups)) == sum(map(len, drawn))
        assert all(len(group) <= 3 for group in groups)


def test_five_people_with_five_hundred_boxes_each_are_brought_together() -> None:
    rng = random.Random(7)  # noqa: S311
    spots = [(rng.uniform(0, 4000), rng.uniform(0, 3000)) for _ in range(500)]
    drawn = [[box(x + rng.uniform(-1, 1), y, 20, 20) for x, y in spots] for _ in range(5)]
    found = consensus(opinions(*drawn), iou=0.5)
    assert found.boxes is not None
    assert len(found.boxes) == pytest.approx(500, abs=5)
