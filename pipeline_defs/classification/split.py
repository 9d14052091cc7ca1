"""Which side each picture goes to: what is frozen stays, new ones follow their group, new groups are spread.

Each class is spread by itself, by its own pictures: so it does not matter which model of a tree runs first,
the parent with all classes or a child with some.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline_defs.classification.frozen_split import ASIDE, SIDES, UNKNOWN, Digests, FrozenSplit, Sides
from pipeline_defs.common.job import JobError
from pipeline_defs.common.sides import SHARES

Numbers = NDArray[np.int64]

_SHARES = tuple(SHARES.values())
_FILL_FIRST = tuple(SIDES.index(name) for name in ("train", "test", "validation"))
_COUNTED = range(len(SIDES))
# What a new picture gets, by the set (bits) of what its group has: nothing yet, that side, or set aside.
_FOLLOWS = np.array(
    [
        UNKNOWN if not kinds else ASIDE if kinds & (kinds - 1) else kinds.bit_length() - 1
        for kinds in range(16)
    ],
    dtype=np.int8,
)


@dataclass(frozen=True)
class Members:
    """The pictures to be split: of each its digest, the number of its group and that of its class."""

    digests: Digests
    groups: Numbers
    classes: Numbers


@dataclass(frozen=True)
class Assigned:
    """Each picture's side, ASIDE where none may have it, and what is frozen from now on.

    `kinds` are, of each picture's group, the sides that it lies on: bit n is side n, bit ASIDE set aside.
    `kept` of the pictures have what they had before, whatever the seed.
    """

    sides: Sides
    kinds: NDArray[np.int8]
    frozen: FrozenSplit
    kept: int


@dataclass(frozen=True)
class _NewGroups:
    """Groups without a side: their numbers, classes and sizes, sorted by class, the large ones first."""

    numbers: Numbers
    classes: Numbers
    sizes: Numbers


def assign(members: Members, before: FrozenSplit, *, seed: int) -> Assigned:
    """Keep what is frozen, let new pictures follow their group, and spread new groups by SHARES.

    A new picture is set aside for ever if its group lies on two sides, or has one that was set aside and one
    that was not. Raises JobError for a side without pictures.
    """
    sides = before.sides_of(members.digests)
    kinds = _kinds(members.groups, sides)
    new = sides == UNKNOWN
    kept = len(sides) - int(new.sum())
    sides[new] = _FOLLOWS[kinds[members.groups[new]]]
    groups = _new_groups(members, kinds, seed)
    of_group = np.full(len(kinds), UNKNOWN, np.int8)
    of_group[groups.numbers] = _spread(groups, _present(members.classes, sides))
    new = sides == UNKNOWN
    sides[new] = of_group[members.groups[new]]
    _require_every_side(sides, len(kinds))
    frozen = before.extended(members.digests, sides)
    return Assigned(sides, _kinds(members.groups, sides)[members.groups], frozen, kept)


def names_of(kinds: int) -> list[str]:
    """Return the names of the sides in a set of them."""
    return [name for number, name in enumerate(SIDES) if kinds >> number & 1]


def _kinds(groups: Numbers, sides: Sides) -> NDArray[np.int8]:
    kinds = np.zeros(int(groups.max()) + 1, np.int8)
    known = sides != UNKNOWN
    np.bitwise_or.at(kinds, groups[known], np.left_shift(1, sides[known]).astype(np.int8))
    return kinds


def _present(classes: Numbers, sides: Sides) -> dict[int, list[int]]:
    """Count the pictures of each class on each side."""
    counts = np.zeros((int(classes.max()) + 1, len(SIDES)), np.int64)
    counted = (sides != UNKNOWN) & (sides != ASIDE)
    np.add.at(counts, (classes[counted], sides[counted]), 1)
    return dict(enumerate(counts.tolist()))


def _new_groups(members: Members, kinds: NDArray[np.int8], seed: int) -> _NewGroups:
    by_digest = np.argsort(members.digests, kind="stable")
    numbers, first = np.unique(members.groups[by_digest], return_index=True)
    speaker = by_digest[first]  # a group's picture of the lowest digest, whatever the order of the pictures
    sizes = np.bincount(members.groups)[numbers]
    new = kinds[numbers] == 0
    numbers, speaker, sizes = numbers[new], speaker[new], sizes[new]
    draws = _draws(members.digests[speaker], seed)
    order = np.lexsort((draws, -sizes, members.classes[speaker]))
    return _NewGroups(numbers[order], members.classes[speaker][order], sizes[order])


def _draws(digests: Digests, seed: int) -> NDArray[np.uint64]:
    raw = digests.tobytes()
    width = digests.dtype.itemsize
    hashed = (
        hashlib.sha256(b"%d:" % seed + raw[start : start + width]).digest()[:8]
        for start in range(0, len(raw), width)
    )
    return np.frombuffer(b"".join(hashed), ">u8").astype(np.uint64)


def _spread(groups: _NewGroups, present: dict[int, list[int]]) -> Sides:
    """Return the side of each new group; `present` is counted on."""
    classes, starts = np.unique(groups.classes, return_index=True)
    ends = np.searchsorted(groups.classes, classes, side="right")
    chosen = [
        _spread_class(groups.sizes[start:end].tolist(), present[int(number)])
        for number, start, end in zip(classes, starts, ends, strict=True)
    ]
    return np.array([side for sides in chosen for side in sides], np.int8)


def _spread_class(sizes: Sequence[int], present: list[int]) -> list[int]:
    """Give each group to the side that lacks most of its share; then see that none is without any."""
    total = sum(present) + sum(sizes)
    chosen = []
    for size in sizes:
        side = max(_FILL_FIRST, key=lambda side: _SHARES[side] * total - present[side])
        chosen.append(side)
        present[side] += size
    for empty in [side for side in _FILL_FIRST if not present[side]]:
        spare = [index for index, side in enumerate(chosen) if present[side] > sizes[index]]
        if not spare:
            break
        index = min(spare, key=lambda index: (-present[chosen[index]], sizes[index], index))
        present[chosen[index]] -= sizes[index]
        present[empty] += sizes[index]
        chosen[index] = empty
    return chosen


def _require_every_side(sides: Sides, groups: int) -> None:
    counts = np.bincount(sides, minlength=len(SIDES))
    missing = [SIDES[number] for number in _COUNTED if not counts[number]]
    if missing:
        raise JobError(
            f"no picture for {' and '.join(missing)}: {len(sides)} pictures in {groups} groups of "
            "near-duplicates are few: add pictures, three different ones of a class at least"
        )
