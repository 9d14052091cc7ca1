"""How good detections are: COCO's average precision (101 recall points), and counts at an operating score.

The numbers equal pycocotools' (area `all`, at most 100 detections a picture); a test compares them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

IOU_THRESHOLDS: Floats = np.linspace(0.5, 0.95, 10)
RECALL_POINTS: Floats = np.linspace(0.0, 1.0, 101)
MAX_DETECTIONS = 100
OPERATING_SCORE = 0.25  # from which a detection counts, in training and evaluation alike


@dataclass(frozen=True)
class Scored:
    """A detection: its class, score and box as left, top, right, bottom."""

    label: str
    score: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Truth:
    """A labelled object: its class and box as left, top, right, bottom."""

    label: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class PictureResult:
    """What is in a picture and what was found in it."""

    truth: Sequence[Truth]
    detections: Sequence[Scored]


@dataclass(frozen=True)
class CurvePoint:
    """A point of the precision-recall curve at IoU 0.5, and the score that gives it (0 where none does)."""

    recall: float
    precision: float
    score: float


@dataclass(frozen=True)
class ClassScore:
    """One class: average precisions (None where the class has no object), counts at the operating score."""

    ap50: float | None
    ap50_95: float | None
    boxes: int
    true_positives: int
    false_positives: int
    false_negatives: int
    curve: tuple[CurvePoint, ...]


@dataclass(frozen=True)
class Score:
    """All classes; the means are over the classes that have objects, 0 where none has."""

    map50: float
    map50_95: float
    by_class: dict[str, ClassScore]


def score_detections(
    results: Sequence[PictureResult], classes: Iterable[str], *, operating_score: float
) -> Score:
    """Score every class over all pictures."""
    by_class = {label: _score_class(results, label, operating_score) for label in classes}
    return Score(
        map50=_mean(score.ap50 for score in by_class.values()),
        map50_95=_mean(score.ap50_95 for score in by_class.values()),
        by_class=by_class,
    )


def _score_class(results: Sequence[PictureResult], label: str, operating_score: float) -> ClassScore:
    truth_count = sum(truth.label == label for result in results for truth in result.truth)
    scores, hits = _match_all(results, label)
    found = int((scores >= operating_score).sum())
    true_positives = int(hits[0, :found].sum())
    precisions = [_precision_at_recalls(row, truth_count)[0] for row in hits]
    return ClassScore(
        ap50=float(precisions[0].mean()) if truth_count else None,
        ap50_95=float(np.mean(precisions)) if truth_count else None,
        boxes=truth_count,
        true_positives=true_positives,
        false_positives=found - true_positives,
        false_negatives=truth_count - true_positives,
        curve=_curve(scores, hits[0], truth_count),
    )


def _match_all(results: Sequence[PictureResult], label: str) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the class's scores (n,), best first, and whether each is a hit (thresholds, n)."""
    scores: list[Floats] = [np.zeros(0)]
    hits: list[NDArray[np.bool_]] = [np.zeros((len(IOU_THRESHOLDS), 0), dtype=np.bool_)]
    for result in results:
        found = [detection for detection in result.detections if detection.label == label]
        found = sorted(found, key=lambda detection: -detection.score)[:MAX_DETECTIONS]
        truth = [truth.box for truth in result.truth if truth.label == label]
        scores.append(np.array([detection.score for detection in found], dtype=np.float64))
        hits.append(_match([detection.box for detection in found], truth))
    all_scores = np.concatenate(scores)
    order = np.argsort(-all_scores, kind="stable")
    return all_scores[order], np.concatenate(hits, axis=1)[:, order]


def hits_at_50(found: Sequence[Scored], truth: Sequence[Truth]) -> list[bool]:
    """Tell of each detection, best first, whether it hits an object at IoU 0.5 that no better one has hit."""
    return [bool(hit) for hit in _match([one.box for one in found], [one.box for one in truth])[0]]


def _match(found: Sequence[tuple[float, ...]], truth: Sequence[tuple[float, ...]]) -> NDArray[np.bool_]:
    """Give each detection, best first, the free object that it covers best -> hits (thresholds, found)."""
    hits = np.zeros((len(IOU_THRESHOLDS), len(found)), dtype=np.bool_)
    if not found or not truth:
        return hits
    iou = _pairwise_iou(np.array(found, dtype=np.float64), np.array(truth, dtype=np.float64))
    for row, threshold in enumerate(IOU_THRESHOLDS):
        free = np.ones(len(truth), dtype=np.bool_)
        for column in range(len(found)):
            overlaps = np.where(free, iou[column], -1.0)
            best = len(truth) - 1 - int(overlaps[::-1].argmax())  # of equals the last, as pycocotools
            if overlaps[best] >= threshold:
                free[best] = False
                hits[row, column] = True
    return hits


def _pairwise_iou(first: Floats, second: Floats) -> Floats:
    """Return IoU in double precision: (n, 4) and (m, 4) -> (n, m)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = (first[:, 2:] - first[:, :2]).prod(axis=1)[:, None] + (second[:, 2:] - second[:, :2]).prod(axis=1)
    iou: Floats = shared / np.maximum(areas - shared, np.finfo(np.float64).tiny)
    return iou


def _precision_at_recalls(hits: NDArray[np.bool_], truth_count: int) -> tuple[Floats, NDArray[np.int64]]:
    """Return the best precision at or beyond each recall point (101,), and the detection that reaches it.

    Where no detection reaches a recall point, precision is 0 and the index is the number of detections.
    """
    precision_at = np.zeros(len(RECALL_POINTS))
    if truth_count == 0:
        return precision_at, np.full(len(RECALL_POINTS), len(hits), dtype=np.int64)
    true_positives = np.cumsum(hits)
    precision = true_positives / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    reached = np.searchsorted(true_positives / truth_count, RECALL_POINTS, side="left")
    within = reached < len(hits)
    precision_at[within] = precision[reached[within]]
    return precision_at, reached.astype(np.int64)


def _curve(scores: Floats, hits: NDArray[np.bool_], truth_count: int) -> tuple[CurvePoint, ...]:
    if truth_count == 0:
        return ()
    precision, reached = _precision_at_recalls(hits, truth_count)
    return tuple(
        CurvePoint(
            recall=float(recall),
            precision=float(value),
            score=float(scores[index]) if index < len(scores) else 0.0,
        )
        for recall, value, index in zip(RECALL_POINTS, precision, reached, strict=True)
    )


def _mean(values: Iterable[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else 0.0
