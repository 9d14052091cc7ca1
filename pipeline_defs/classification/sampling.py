"""Which pictures an epoch shows, and in which order: a pure function of classes, seed and epoch."""

import hashlib

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
# 0 would show every picture once, 1 every class equally often: rare ones gain, and none is shown to death.
BALANCE = 0.5


def epoch_order(classes: Indices, *, seed: int, epoch: int) -> Indices:
    """Return as many positions as there are pictures, shuffled; classes with few pictures come more often.

    Where all classes have equally many pictures, each picture comes once.
    """
    rng = np.random.default_rng([seed, epoch])
    counts = np.bincount(classes)
    present = np.flatnonzero(counts)
    quotas = _quotas(counts[present], total=len(classes))
    chosen = [
        _draw(np.flatnonzero(classes == number), int(quota), rng)
        for number, quota in zip(present, quotas, strict=True)
    ]
    order: Indices = rng.permutation(np.concatenate(chosen))
    return order


def split_batches(order: Indices, batch_size: int) -> list[Indices]:
    """Cut an order into batches whose sizes differ by one at most: a last one of one would unsettle norms."""
    return np.array_split(order, max(1, round(len(order) / batch_size)))


def choose_share(classes: Indices, ids: Indices, share: float) -> Indices:
    """Return the positions of a share of each class's pictures, the same for every trial and seed.

    Each class keeps one picture at least. Chosen by the hash of a picture's id.
    """
    chosen = []
    for number in np.unique(classes):
        positions = np.flatnonzero(classes == number)
        keys = [hashlib.sha256(str(ids[position]).encode()).digest() for position in positions]
        order = sorted(range(len(positions)), key=keys.__getitem__)
        chosen.append(positions[order[: max(1, round(share * len(positions)))]])
    return np.sort(np.concatenate(chosen))


def _quotas(counts: Indices, *, total: int) -> Indices:
    """Return how often each class is shown; they add up to `total`."""
    weights = counts.astype(np.float64) ** (1 - BALANCE)
    exact = weights / weights.sum() * total
    quotas: Indices = np.floor(exact).astype(np.int64)
    left = total - int(quotas.sum())
    quotas[np.argsort(quotas - exact, kind="stable")[:left]] += 1
    return quotas


def _draw(positions: Indices, quota: int, rng: np.random.Generator) -> Indices:
    """Return `quota` of the positions: none comes twice before each has come once."""
    rounds = [rng.permutation(positions) for _ in range(-(-quota // len(positions)))]
    return np.concatenate(rounds)[:quota] if rounds else positions[:0]
