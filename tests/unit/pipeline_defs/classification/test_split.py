"""The split of classification: a picture never changes sides, whatever comes, goes, or runs first."""

import hashlib
import random
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline_defs.classification.frozen_split import ASIDE, SIDES, FrozenSplit, digests_of
from pipeline_defs.classification.split import Assigned, Members, assign, names_of
from pipeline_defs.common.job import JobError

TRAIN, VALIDATION, TEST = range(3)


@dataclass(frozen=True)
class Picture:
    name: str
    group: str
    label: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()


def pictures(sizes: dict[str, list[int]]) -> list[Picture]:
    """Class -> the size of each of its groups."""
    return [
        Picture(f"{label}/{group}/{number}", f"{label}/{group}", label)
        for label, groups in sizes.items()
        for group, size in enumerate(groups)
        for number in range(size)
    ]


def members(those: list[Picture]) -> Members:
    groups = {group: number for number, group in enumerate(sorted({p.group for p in those}))}
    classes = {label: number for number, label in enumerate(sorted({p.label for p in those}))}
    return Members(
        digests_of(p.sha256 for p in those),
        np.array([groups[p.group] for p in those]),
        np.array([classes[p.label] for p in those]),
    )


def split(those: list[Picture], before: FrozenSplit | None = None, seed: int = 7) -> Assigned:
    return assign(members(those), before or FrozenSplit(), seed=seed)


def sides(those: list[Picture], before: FrozenSplit | None = None, seed: int = 7) -> dict[str, int]:
    found = split(those, before, seed).sides
    return dict(zip([p.name for p in those], found.tolist(), strict=True))


def frozen(of: dict[Picture, int]) -> FrozenSplit:
    return FrozenSplit().extended(digests_of(p.sha256 for p in of), np.array(list(of.values()), np.int8))


a_class = st.lists(st.integers(1, 4), min_size=3, max_size=9)
trees = st.dictionaries(st.sampled_from("abcd"), a_class, min_size=1, max_size=3).map(pictures)


@settings(deadline=None)
@given(trees, st.integers(0, 9))
def test_no_group_lies_on_two_sides_and_every_class_of_three_groups_is_on_each(
    those: list[Picture], seed: int
) -> None:
    found = sides(those, seed=seed)
    assert all(
        len({found[p.name] for p in those if p.group == group}) == 1 for group in {p.group for p in those}
    )
    for label in {p.label for p in those}:
        assert {found[p.name] for p in those if p.label == label} == {TRAIN, VALIDATION, TEST}


@settings(deadline=None)
@given(trees, st.randoms(use_true_random=False), st.integers(0, 9))
def test_the_order_of_the_pictures_changes_nothing(
    those: list[Picture], chance: random.Random, seed: int
) -> None:
    shuffled = chance.sample(those, len(those))
    assert sides(shuffled, seed=seed) == sides(those, seed=seed)
    one, other = split(those, seed=seed).frozen, split(shuffled, seed=seed).frozen
    assert one.content("species") == other.content("species")


@settings(deadline=None)
@given(trees, st.data())
def test_a_picture_never_changes_sides_whatever_is_added_removed_or_reordered(
    those: list[Picture], data: st.DataObject
) -> None:
    base, before, known = pictures({"base": [1, 1, 1]}), FrozenSplit(), dict[str, int]()
    grown = those + pictures({"later": [2, 1, 1], "a": [1] * 20})
    grown = list({p.name: p for p in grown}.values())
    for round_ in range(4):
        there = data.draw(st.lists(st.sampled_from(grown), min_size=1, unique=True), label=f"round {round_}")
        if data.draw(st.booleans(), label="groups merge"):
            there = [Picture(p.name, f"{p.label}/{p.group[-1] in '012'}", p.label) for p in there]
        assigned = split(there := base + there, before, seed=round_)
        found = dict(zip([p.name for p in there], assigned.sides.tolist(), strict=True))
        assert {name: found[name] for name in found if name in known} == {
            name: side for name, side in known.items() if name in found
        }
        for group in {p.group for p in there}:
            those_of = [p.name for p in there if p.group == group]
            new = {found[name] for name in those_of if name not in known} - {ASIDE}
            assert not new or {found[name] for name in those_of} == new
        known |= found
        before = assigned.frozen
        assert len(before.digests) == len(known)


@settings(deadline=None)
@given(trees, st.integers(0, 9), st.data())
def test_whichever_model_of_the_tree_runs_first_the_sides_are_the_same(
    those: list[Picture], seed: int, data: st.DataObject
) -> None:
    """A child has all the pictures of some of its parent's classes."""
    labels = sorted({p.label for p in those})
    classes = data.draw(st.sets(st.sampled_from(labels), min_size=1), label="classes of the child")
    of_child = [p for p in those if p.label in classes]
    parent_first = split(those, seed=seed).frozen
    child_first = split(of_child, seed=seed).frozen
    after_parent = split(of_child, parent_first, seed=seed).frozen
    after_child = split(those, child_first, seed=seed).frozen
    assert after_parent.content("t") == after_child.content("t") == parent_first.content("t")


@settings(deadline=None)
@given(trees, trees)
def test_near_duplicates_that_come_later_follow_the_ones_that_were_there(
    those: list[Picture], later: list[Picture]
) -> None:
    first = split(those)
    side_of = {p.group: side for p, side in zip(those, first.sides.tolist(), strict=True)}
    new = [Picture(f"new {p.name}", p.group, p.label) for p in later]
    found = sides(those + new, first.frozen)
    assert all(found[p.name] == side_of[p.group] for p in new if p.group in side_of)
    assert all(found[p.name] == side_of[p.group] for p in those)


@settings(deadline=None)
@given(st.lists(st.integers(1, 4), min_size=3, max_size=12))
def test_a_class_that_grows_a_group_at_a_time_is_on_every_side_from_the_third_on(sizes: list[int]) -> None:
    base = pictures({"base": [1, 1, 1]})
    before = split(base).frozen
    for count in range(1, len(sizes) + 1):
        those = pictures({"grows": sizes[:count]})
        assigned = split(base + those, before)
        before = assigned.frozen
        found = set(assigned.sides[3:].tolist())
        assert found == {TRAIN, TEST, VALIDATION} if count > 2 else found == {TRAIN, TEST} or count == 1


def test_shares_are_near_70_12_18_in_every_class() -> None:
    those = pictures({"rare": [1] * 50, "common": [1 + n % 4 for n in range(120)], "one": [9] * 40})
    found = sides(those)
    for label in ("rare", "common", "one"):
        counts = Counter(found[p.name] for p in those if p.label == label)
        for side, share in ((TRAIN, 0.70), (VALIDATION, 0.12), (TEST, 0.18)):
            assert counts[side] / counts.total() == pytest.approx(share, abs=0.03)


def test_shares_stay_near_70_12_18_as_a_class_grows() -> None:
    base = pictures({"base": [1, 1, 1]})
    before = split(base).frozen
    for count in range(4, 101, 4):
        assigned = split(base + pictures({"grows": [1] * count}), before)
        before = assigned.frozen
    counts = Counter(assigned.sides[3:].tolist())
    assert (counts[TRAIN], counts[VALIDATION], counts[TEST]) == (70, 12, 18)


def test_another_seed_is_another_split() -> None:
    those = pictures({"a": [1] * 30})
    assert sides(those, seed=1) != sides(those, seed=2)


def test_a_new_picture_that_ties_two_sides_is_set_aside_for_ever_and_the_old_ones_stay() -> None:
    old = pictures({"a": [1, 1, 1, 1], "base": [1, 1, 1]})
    before = split(old)
    where = dict(zip(old, before.sides.tolist(), strict=True))
    one, other = (next(p for p in old if where[p] == side) for side in (TRAIN, TEST))
    tie = Picture("tie", "merged", "a")
    merged = [Picture(p.name, "merged" if p in (one, other) else p.group, p.label) for p in old]
    assigned = split([*merged, tie], before.frozen)
    assert assigned.sides.tolist() == [*where.values(), ASIDE]
    assert names_of(int(assigned.kinds[-1])) == ["train", "test"]
    without = [tie, *(p for p in old if p != other), Picture("tie too", "merged", "a")]
    again = split(
        [Picture(p.name, "merged" if p == one else p.group, p.label) for p in without], assigned.frozen
    )
    assert (again.sides[0], again.sides[-1]) == (ASIDE, ASIDE)


def test_near_duplicates_of_a_picture_that_was_set_aside_are_set_aside_too() -> None:
    old = pictures({"a": [1, 1, 1]})
    lost, new = Picture("lost", "lost", "a"), Picture("new", "lost", "a")
    before = split(old).frozen.extended(digests_of([lost.sha256]), np.array([ASIDE], np.int8))
    assert split([*old, new, lost], before).sides.tolist()[-2:] == [ASIDE, ASIDE]


def test_a_side_whose_pictures_were_removed_is_filled_by_what_is_new() -> None:
    old = pictures({"a": [1] * 12})
    before = split(old)
    left = [p for p, side in zip(old, before.sides.tolist(), strict=True) if side == TRAIN]
    base = pictures({"base": [1, 1, 1]})
    later = [Picture(f"later {number}", f"later {number}", "a") for number in range(2)]
    found = sides([*base, *left, *later], before.frozen)
    assert {found[p.name] for p in later} == {TEST, VALIDATION}


def test_a_picture_that_is_moved_to_another_class_keeps_its_side() -> None:
    those = pictures({"a": [1] * 9, "b": [1] * 9})
    before = split(those)
    moved = [Picture(p.name, p.group, "b" if p.group == "a/3" else p.label) for p in those]
    assert split(moved, before.frozen).sides.tolist() == before.sides.tolist()


def test_too_few_pictures_are_refused_by_the_sides_that_would_be_empty() -> None:
    with pytest.raises(JobError, match=r"no picture for validation and test: 9 pictures in 1 groups"):
        split(pictures({"a": [9]}))
    with pytest.raises(JobError, match=r"no picture for validation: 2 pictures"):
        split(pictures({"a": [1, 1]}))
    assert set(sides(pictures({"a": [1, 1], "b": [1, 1, 1]})).values()) == set(range(len(SIDES)))
