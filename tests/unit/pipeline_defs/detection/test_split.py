from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline_defs.common.job import JobError
from pipeline_defs.detection.split import Assignment, Member, SplitResult, assign_splits


def members(sizes: dict[str, int], labels: tuple[str, ...] = ("scratch",)) -> list[Member]:
    return [Member(f"{key}/{number}", key, labels) for key, size in sizes.items() for number in range(size)]


def sides(result: SplitResult) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for sha256, split in result.by_sha256.items():
        found.setdefault(sha256.split("/")[0], set()).add(split)
    return found


def test_shares_are_near_70_12_18() -> None:
    result = assign_splits(members({f"g{n}": 1 + n % 4 for n in range(120)}), Assignment(), seed=1)
    counts = Counter(result.by_sha256.values())
    assert counts["train"] / 300 == pytest.approx(0.70, abs=0.03)
    assert counts["validation"] / 300 == pytest.approx(0.12, abs=0.03)
    assert counts["test"] / 300 == pytest.approx(0.18, abs=0.03)


def test_a_rare_class_and_clean_pictures_reach_every_side() -> None:
    pictures = members({f"g{n}": 2 for n in range(40)})
    pictures += members({f"rare{n}": 2 for n in range(6)}, ("dent", "scratch"))
    pictures += members({f"clean{n}": 2 for n in range(6)}, ())
    result = assign_splits(pictures, Assignment(), seed=3)
    for name in ("rare", "clean"):
        assert {s for key, found in sides(result).items() if key.startswith(name) for s in found} == {
            "train",
            "validation",
            "test",
        }


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=3, max_size=40), st.integers(0, 99), st.integers(0, 99))
def test_no_group_lies_on_two_sides_no_side_is_empty_and_nothing_moves(
    sizes: list[int], seed: int, later_seed: int
) -> None:
    now = {f"g{number}": size for number, size in enumerate(sizes)}
    first = assign_splits(members(now), Assignment(), seed=seed)
    assert all(len(found) == 1 for found in sides(first).values())
    assert set(first.by_sha256.values()) == {"train", "validation", "test"}
    later = {**{key: size + 2 for key, size in now.items()}, "new1": 3, "new2": 1}
    second = assign_splits(members(later), first.assignment, seed=later_seed)
    assert {key: found for key, found in sides(second).items() if key in now} == sides(first)
    assert first.by_sha256.items() <= second.by_sha256.items()
    assert not second.tied


def test_the_order_of_the_pictures_does_not_matter_and_the_seed_does() -> None:
    pictures = members({f"g{n}": 2 for n in range(30)})
    one = assign_splits(pictures, Assignment(), seed=5)
    assert assign_splits(pictures[::-1], Assignment(), seed=5).assignment == one.assignment
    assert assign_splits(pictures, Assignment(), seed=6).assignment != one.assignment


def test_a_new_picture_that_ties_two_sides_is_set_aside_and_the_old_ones_stay() -> None:
    before = Assignment(
        groups={"a": "train", "b": "test", "v": "validation"}, images={"1": "train", "2": "test"}
    )
    pictures = [Member(sha, "merged", ("s",)) for sha in ("1", "2", "3")] + [Member("4", "v", ("s",))]
    result = assign_splits(pictures, before, seed=1)
    assert result.by_sha256 == {"1": "train", "2": "test", "4": "validation"}
    assert result.tied == {"3": "ties objects on two sides of the frozen split together (test and train)"}
    assert "3" not in result.assignment.images
    assert "merged" not in result.assignment.groups or result.assignment.groups["merged"] in ("train", "test")


def test_a_picture_that_left_the_labels_keeps_its_side_for_its_return() -> None:
    pictures = members({f"g{n}": 1 for n in range(12)})
    first = assign_splits(pictures, Assignment(), seed=1)
    second = assign_splits(pictures[1:], first.assignment, seed=1)
    assert second.assignment == first.assignment


def test_twelve_pictures_of_three_objects_fill_every_side() -> None:
    result = assign_splits(members({"a": 10, "b": 1, "c": 1}), Assignment(), seed=1)
    assert sides(result)["a"] == {"train"}
    assert set(result.by_sha256.values()) == {"train", "validation", "test"}


def test_too_few_objects_are_refused_with_what_to_do() -> None:
    with pytest.raises(JobError, match="no picture for validation: 2 objects"):
        assign_splits(members({"a": 9, "b": 9}), Assignment(), seed=1)


@pytest.mark.parametrize(
    "document",
    [[], {"version": 2, "groups": {}}, {"version": 1}, {"version": 1, "groups": {"a": "holdout"}}],
)
def test_a_foreign_split_file_is_refused(document: object) -> None:
    with pytest.raises(JobError, match="restore an earlier version"):
        Assignment.parse(document)


def test_the_assignment_survives_its_file() -> None:
    assignment = Assignment({"a": "train"}, {"1": "train"})
    assert Assignment.parse(assignment.document()) == assignment
