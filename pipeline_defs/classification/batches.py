"""Augmented batches, made by threads while the network learns from the ones before."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.centre_view import centre_view
from pipeline_defs.classification.augment import augment
from pipeline_defs.classification.labeled_pictures import LabeledPictures

_AHEAD = 3  # batches


@dataclass(frozen=True)
class Batch:
    """Views (n, size, size, 3), uint8 RGB, and the numbers of their classes (n,)."""

    views: NDArray[np.uint8]
    classes: NDArray[np.int64]


def training_batches(
    pictures: LabeledPictures,
    batches: Sequence[NDArray[np.int64]],
    *,
    size: int,
    seed: tuple[int, int],
    first: int,
    threads: int,
) -> Iterator[Batch]:
    """Yield the batches from number `first` on, each picture as an augmented view.

    A view depends on `seed` (run, epoch), the batch's number and the place in it alone: not on the threads,
    and not on where the epoch was taken up.
    """

    def make(number: int) -> Batch:
        chosen = batches[number]
        views = [
            augment(pictures[int(index)], size, np.random.default_rng([*seed, number, place]))
            for place, index in enumerate(chosen)
        ]
        return Batch(np.stack(views), pictures.classes[chosen])

    with ThreadPoolExecutor(threads) as pool:
        numbers = iter(range(first, len(batches)))
        waiting: deque[Future[Batch]] = deque()
        for number in numbers:
            waiting.append(pool.submit(make, number))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def validation_batches(pictures: LabeledPictures, *, size: int, batch_size: int) -> Iterator[Batch]:
    """Yield every picture once, as evaluation and endpoints see it."""
    for start in range(0, len(pictures), batch_size):
        chosen = range(start, min(start + batch_size, len(pictures)))
        views = [centre_view(pictures[index], size) for index in chosen]
        yield Batch(np.stack(views), pictures.classes[start : start + batch_size])
