"""From the network's dense answer to a few boxes."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def box_iou(first: Floats, second: Floats) -> Floats:
    """Return the IoU of every pair of boxes: (n, 4) and (m, 4) as left, top, right, bottom -> (n, m)."""
    overlap = np.minimum(first[:, None, 2:], second[None, :, 2:]) - np.maximum(
        first[:, None, :2], second[None, :, :2]
    )
    shared = np.clip(overlap, 0, None).prod(axis=2)
    areas = [np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    iou: Floats = (shared / np.maximum(union, np.finfo(np.float32).tiny)).astype(np.float32)
    return iou


def suppress(boxes: Floats, scores: Floats, *, max_iou: float, max_kept: int) -> list[int]:
    """Greedy non-maximum suppression; returns the indices kept, best first."""
    order = np.argsort(-scores, kind="stable")
    iou = box_iou(boxes, boxes)
    alive = np.ones(len(order), dtype=np.bool_)
    kept: list[int] = []
    for index in order:
        if not alive[index]:
            continue
        kept.append(int(index))
        if len(kept) == max_kept:
            break
        alive &= iou[index] <= max_iou
    return kept


def select(
    boxes: Floats,
    scores: Floats,
    *,
    min_score: float,
    max_iou: float = 0.6,
    max_candidates: int = 300,
    max_kept: int = 100,
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Keep the best boxes of each class.

    boxes (n, 4), scores (n, classes) -> boxes (k, 4), their scores (k,), their classes (k,), best first.
    A box is dropped when it overlaps a better one of its own class by more than `max_iou`.
    """
    cells, classes = np.nonzero(scores >= min_score)
    found = scores[cells, classes]
    best = np.argsort(-found, kind="stable")[:max_candidates]
    cells, classes, found = cells[best], classes[best], found[best]
    kept: list[int] = []
    for class_index in np.unique(classes):
        of_class = np.flatnonzero(classes == class_index)
        chosen = suppress(boxes[cells[of_class]], found[of_class], max_iou=max_iou, max_kept=max_kept)
        kept.extend(int(of_class[index]) for index in chosen)
    kept.sort()  # candidates are already ordered by score
    kept = kept[:max_kept]
    return boxes[cells[kept]], found[kept], classes[kept]
