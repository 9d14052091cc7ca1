"""Near-duplicates by Hamming distance: the same as comparing all pairs, without comparing all pairs."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline_defs.classification.near_duplicates import MANY_CLASSES, NOBODY, close_pairs, find_likeness
from pipeline_defs.common.job import JobError


def hashes(count: int, seed: int = 5) -> NDArray[np.uint64]:
    """Random hashes, half of them near others: some bits changed."""
    random = np.random.default_rng(seed)
    whole = random.integers(0, 2**64, count, dtype=np.uint64)
    for place in range(count // 2, count):
        changed = whole[random.integers(0, place)]
        for bit in random.integers(0, 64, random.integers(0, 6)):
            changed ^= np.uint64(1) << np.uint64(bit)
        whole[place] = changed
    return whole


def all_pairs(values: NDArray[np.uint64], bits: int) -> set[tuple[int, int]]:
    near = np.bitwise_count(values[:, None] ^ values[None, :]) <= bits
    return {(int(a), int(b)) for a, b in np.argwhere(np.triu(near, 1))}


def components(count: int, pairs: set[tuple[int, int]]) -> list[int]:
    first = list(range(count))
    changed = True
    while changed:
        changed = False
        for a, b in pairs:
            low = min(first[a], first[b])
            changed |= first[a] != low or first[b] != low
            first[a] = first[b] = low
    return first


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 6])
def test_the_pairs_are_those_of_comparing_all(bits: int) -> None:
    unique = np.unique(hashes(900))
    found = {
        (min(int(a), int(b)), max(int(a), int(b)))
        for firsts, seconds in close_pairs(unique, bits)
        for a, b in zip(firsts, seconds, strict=True)
    }
    assert found == all_pairs(unique, bits)
    assert len(found) > 50


@pytest.mark.parametrize("bits", [1, 3, 5])
def test_groups_and_other_classes_are_those_of_comparing_all(bits: int) -> None:
    values, random = hashes(700, seed=bits), np.random.default_rng(1)
    classes = random.integers(0, 3, len(values))
    classes[::50] = MANY_CLASSES
    likeness = find_likeness(values, classes, bits)
    pairs = all_pairs(values, bits)
    assert likeness.groups.tolist() == components(len(values), pairs)
    differ = {(a, b) for a, b in pairs if classes[a] != classes[b] or classes[a] == MANY_CLASSES}
    across = {one for pair in differ for one in pair}
    own = {number for number in range(len(values)) if classes[number] == MANY_CLASSES}
    flagged = set(np.flatnonzero(likeness.of_another_class != NOBODY).tolist())
    assert flagged - own == across - own
    for one in flagged - own:
        other = int(likeness.of_another_class[one])
        assert classes[other] != classes[one]
        assert (min(one, other), max(one, other)) in pairs


def test_ties_lead_over_others() -> None:
    chain = np.array([0b0, 0b11, 0b1111, 0b111111, 2**64 - 1], dtype=np.uint64)
    likeness = find_likeness(chain, np.zeros(5, dtype=np.int64), 2)
    assert likeness.groups.tolist() == [0, 0, 0, 0, 4]
    assert (likeness.of_another_class == NOBODY).all()


def test_only_who_is_near_another_class_is_named_not_the_whole_chain() -> None:
    chain = np.array([0b0, 0b11, 0b1111], dtype=np.uint64)
    likeness = find_likeness(chain, np.array([0, 0, 1]), 2)
    assert likeness.of_another_class.tolist() == [NOBODY, 2, 1]


def test_no_bits_tie_nothing() -> None:
    likeness = find_likeness(np.zeros(3, dtype=np.uint64), np.array([0, 1, 0]), 0)
    assert likeness.groups.tolist() == [0, 1, 2]
    assert (likeness.of_another_class == NOBODY).all()


def test_many_equal_hashes_cost_nothing() -> None:
    """A hundred thousand blank pictures are one hash."""
    values = np.zeros(100_000, dtype=np.uint64)
    likeness = find_likeness(values, np.zeros(len(values), dtype=np.int64), 3)
    assert (likeness.groups == 0).all()


def test_pictures_that_all_look_alike_are_refused_instead_of_compared_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pipeline_defs.classification.near_duplicates._COMPARISONS", 1_000_000)
    monkeypatch.setattr("pipeline_defs.classification.near_duplicates._COMPARISONS_A_PICTURE", 10)
    few_bits = np.arange(2**17, dtype=np.uint64)
    with pytest.raises(JobError, match="near_duplicate_bits = 3 cannot tell"):
        find_likeness(few_bits, np.zeros(len(few_bits), dtype=np.int64), 3)


def test_a_hundred_thousand_pictures_need_few_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline_defs.classification.near_duplicates._COMPARISONS", 100_000)
    monkeypatch.setattr("pipeline_defs.classification.near_duplicates._COMPARISONS_A_PICTURE", 0)
    values = np.random.default_rng(3).integers(0, 2**64, 100_000, dtype=np.uint64)
    values[-1] = values[0] ^ np.uint64(1 << 40)
    likeness = find_likeness(values, np.zeros(len(values), dtype=np.int64), 3)
    assert likeness.groups[-1] == 0
