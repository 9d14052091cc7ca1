"""How good answers are, when the truth is known: from the best labels of each picture alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BEST = 5  # labels of an answer, from an endpoint too
_BINS = 10
_PAIRS = 12
_EXAMPLES = 6  # pictures of a pair

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """The truth's index of each picture (n,); the indices and scores of its best labels (n, up to BEST)."""

    truth: Indices
    labels: Indices
    scores: NDArray[np.float64]

    @property
    def said(self) -> Indices:
        """The best label of each picture."""
        return self.labels[:, 0]

    @property
    def confidence(self) -> NDArray[np.float64]:
        """The best score of each picture."""
        return self.scores[:, 0]

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Where the best label is the truth."""
        return np.equal(self.said, self.truth)


def share(of: NDArray[np.bool_]) -> float:
    """Return the share that holds; 0 of nothing."""
    return float(of.mean()) if of.size else 0.0


def top5(answers: Answers) -> float:
    """Return the share of pictures whose truth is among the five best labels."""
    return share((answers.labels[:, :BEST] == answers.truth[:, None]).any(axis=1))


def confusion(answers: Answers, count: int) -> Indices:
    """Count pictures, (truth, said)."""
    matrix = np.zeros((count, count), dtype=np.int64)
    np.add.at(matrix, (answers.truth, answers.said), 1)
    return matrix


def by_class(matrix: Indices, labels: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return precision, recall, f1 and images of each label; None where there is nothing to divide by."""
    right, images, said = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    return {
        label: {
            "precision": _over(right[i], said[i]),
            "recall": _over(right[i], images[i]),
            "f1": _over(2 * right[i], images[i] + said[i]) if images[i] else None,
            "images": int(images[i]),
        }
        for i, label in enumerate(labels)
    }


def macro_f1(rows: dict[str, dict[str, Any]]) -> float:
    """Return the mean f1 of the labels that the test side has pictures of."""
    known = [row["f1"] for row in rows.values() if row["f1"] is not None]
    return sum(known) / len(known) if known else 0.0


def worst_pairs(matrix: Indices, labels: Sequence[str], answers: Answers) -> list[dict[str, Any]]:
    """Return the labels that are taken for another most often, with the pictures' positions, surest first."""
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_PAIRS]
    pairs = [np.unravel_index(flat, wrong.shape) for flat in order if wrong.flat[flat]]
    surest = np.argsort(-answers.confidence, kind="stable")
    return [
        {
            "truth": labels[truth],
            "said": labels[said],
            "count": int(wrong[truth, said]),
            "positions": [int(i) for i in surest if answers.truth[i] == truth and answers.said[i] == said][
                :_EXAMPLES
            ],
        }
        for truth, said in pairs
    ]


def calibration(answers: Answers) -> dict[str, Any]:
    """Return the expected calibration error, and accuracy beside confidence in ten bins of the best score."""
    bins, error = [], 0.0
    which = np.minimum((answers.confidence * _BINS).astype(int), _BINS - 1)
    for number in range(_BINS):
        inside = which == number
        count = int(inside.sum())
        confidence = float(answers.confidence[inside].mean()) if count else None
        accuracy = share(answers.correct[inside]) if count else None
        if confidence is not None and accuracy is not None:
            error += count / len(which) * abs(accuracy - confidence)
        edges = {"low": number / _BINS, "high": (number + 1) / _BINS}
        bins.append({**edges, "count": count, "confidence": confidence, "accuracy": accuracy})
    return {"ece": error, "bins": bins}


def answers_report(answers: Answers, min_score: float) -> dict[str, float | None]:
    """Return what prod is watched by: the share of answers below the least score, the mean of the others."""
    seen = answers.confidence[answers.confidence >= min_score]
    return {
        "empty_share": 1 - len(seen) / len(answers.confidence),
        "mean_score": float(seen.mean()) if len(seen) else None,
    }


def _over(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None
