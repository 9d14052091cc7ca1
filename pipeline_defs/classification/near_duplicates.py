"""Which pictures are nearly the same: their difference hashes differ in few bits.

Two hashes that differ in at most d of 64 bits are equal in at least three of d + 3 bands, so only pictures
that share three bands are compared. What is left to compare stays small unless most pictures look alike, and
that is refused by name: no step grows with the square of the pictures.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline_defs.common.job import JobError

Hashes = NDArray[np.uint64]
Indices = NDArray[np.int64]

MANY_CLASSES = -1  # the class of a picture that is found, byte for byte, in several
_BITS = 64
_SHARED_BANDS = 3
_TIES_AT_ONCE = 500_000
_COMPARISONS, _COMPARISONS_A_PICTURE = 100_000_000, 1_000


NOBODY = -1


@dataclass(frozen=True)
class Likeness:
    """Of each picture: the first picture of its group, and one of another class that is near, or NOBODY."""

    groups: Indices
    of_another_class: Indices


def find_likeness(hashes: Hashes, classes: Indices, bits: int) -> Likeness:
    """Tie pictures whose hashes differ in at most `bits`, directly or over others; 0 ties none.

    `classes` (n,) are numbers, or MANY_CLASSES. Raises JobError where too many pictures look alike.
    """
    if bits == 0 or not len(hashes):
        return Likeness(np.arange(len(hashes)), np.full(len(hashes), NOBODY))
    unique, of_picture = np.unique(hashes, return_inverse=True)
    lowest, highest = _extremes(of_picture, classes)
    mixed = (classes[lowest] != classes[highest]) | (classes[lowest] == MANY_CLASSES)
    shared = np.where(mixed, MANY_CLASSES, classes[lowest])
    other = np.where(mixed, np.arange(len(unique)), NOBODY)
    ties = _Ties(len(unique))
    for first, second in close_pairs(unique, bits):
        ties.add(first, second)
        for one, another in ((first, second), (second, first)):
            differ = (shared[one] != shared[another]) & ~mixed[one]
            other[one[differ]] = another[differ]
    near = other[of_picture]
    witness = np.where(classes[lowest[near]] == classes, highest[near], lowest[near])
    groups = _first_of_each(ties.roots()[of_picture])
    return Likeness(groups, np.where(near == NOBODY, NOBODY, witness))


def close_pairs(hashes: Hashes, bits: int) -> Iterator[tuple[Indices, Indices]]:
    """Give the pairs of different hashes that differ in at most `bits`, as two arrays; some more than once.

    Raises JobError if too many would have to be compared.
    """
    left = max(_COMPARISONS, _COMPARISONS_A_PICTURE * len(hashes))
    for mask in _masks(bits):
        keys = hashes & mask
        order = np.argsort(keys, kind="stable")
        keys, ordered = keys[order], hashes[order]
        here, distance = np.arange(len(keys) - 1), 1
        while len(here := here[here + distance < len(keys)]):
            here = here[keys[here] == keys[here + distance]]
            left -= len(here)
            if left < 0:
                raise JobError(
                    f"near_duplicate_bits = {bits} cannot tell these pictures apart: too many of them look "
                    "alike; lower it, or set it to 0 to find exact copies only"
                )
            near = here[np.bitwise_count(ordered[here] ^ ordered[here + distance]) <= bits]
            if len(near):
                yield order[near], order[near + distance]
            distance += 1


def _masks(bits: int) -> Iterator[np.uint64]:
    """Give the masks that keep three of `bits` + 3 bands."""
    edges = np.linspace(0, _BITS, bits + _SHARED_BANDS + 1).round().astype(int)
    bands = [(1 << int(high)) - (1 << int(low)) for low, high in pairwise(edges)]
    for kept in combinations(bands, _SHARED_BANDS):
        yield np.uint64(sum(kept))


def _extremes(of_picture: Indices, classes: Indices) -> tuple[Indices, Indices]:
    """Return for each hash a picture of its lowest class, and one of its highest."""
    order = np.lexsort((classes, of_picture))
    starts = np.flatnonzero(np.diff(of_picture[order], prepend=-1))
    ends = np.append(starts[1:], len(order)) - 1
    return order[starts], order[ends]


def _first_of_each(groups: Indices) -> Indices:
    """Number each group after its first picture."""
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    return first[group]


class _Ties:
    """The connected components of what is tied: each item points to a smaller one, at last to its root."""

    def __init__(self, count: int) -> None:
        self._parents = np.arange(count)
        self._waiting: list[tuple[Indices, Indices]] = []
        self._count = 0

    def add(self, first: Indices, second: Indices) -> None:
        self._waiting.append((first, second))
        self._count += len(first)
        if self._count >= _TIES_AT_ONCE:
            self._connect()

    def roots(self) -> Indices:
        self._connect()
        return self._parents

    def _connect(self) -> None:
        if not self._waiting:
            return
        first, second = (np.concatenate(side) for side in zip(*self._waiting, strict=True))
        self._waiting, self._count = [], 0
        while True:
            roots = self._parents[first], self._parents[second]
            low, high = np.minimum(*roots), np.maximum(*roots)
            apart = low != high
            if not apart.any():
                return
            np.minimum.at(self._parents, high[apart], low[apart])
            self._shorten()

    def _shorten(self) -> None:
        """Let every item point to its root."""
        while True:
            further = self._parents[self._parents]
            if np.array_equal(further, self._parents):
                return
            self._parents = further
