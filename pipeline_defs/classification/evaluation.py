"""What an evaluation says: evaluation.json."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline_defs.classification.answering import Labels
from pipeline_defs.classification.evaluated_pictures import TestSide
from pipeline_defs.classification.scoring import (
    Answers,
    answers_report,
    by_class,
    calibration,
    confusion,
    macro_f1,
    share,
    top5,
    worst_pairs,
)
from pipeline_defs.classification.slices import slices_report


@dataclass(frozen=True)
class Evaluated:
    """What was said of each picture of the test side, and how long each answer took (milliseconds).

    There may be more answers than pictures. `light` is each picture's luminance, its mean and its spread.
    """

    answers: list[Labels]
    milliseconds: list[float]
    light: list[tuple[float, float]]


def evaluation_report(side: TestSide, evaluated: Evaluated, *, min_score: float) -> dict[str, Any]:
    """Return what evaluation.json says of the answers, whoever gave them."""
    labels = side.label_map.labels
    answers = answers_of(side, evaluated.answers)
    matrix = confusion(answers, len(labels))
    rows = by_class(matrix, labels)
    return {
        "task": "classification",
        "top1": share(answers.correct),
        "top5": top5(answers),
        "images": len(side),
        "classes": len(labels),
        "macro_f1": macro_f1(rows),
        "by_class": rows,
        "confusion": {"labels": list(labels), "matrix": matrix.tolist()},
        "worst_pairs": [_named(pair, side) for pair in worst_pairs(matrix, labels, answers)],
        "calibration": calibration(answers),
        "slices": slices_report(side.images, evaluated.light, answers.correct),
        "answers": answers_report(answers, min_score),
        "routing": None,
        "latency_ms": {
            "p50": round(float(np.percentile(evaluated.milliseconds, 50)), 3),
            "p95": round(float(np.percentile(evaluated.milliseconds, 95)), 3),
        },
        "requests": len(evaluated.milliseconds),
    }


def answers_of(side: TestSide, answers: Sequence[Labels]) -> Answers:
    """Put answers beside the truth, labels as their indices."""
    index = {label: number for number, label in enumerate(side.label_map.labels)}
    return Answers(
        truth=side.truth,
        labels=np.array([[index[label] for label, _ in answer] for answer in answers], dtype=np.int64),
        scores=np.array([[score for _, score in answer] for answer in answers], dtype=np.float64),
    )


def _named(pair: dict[str, Any], side: TestSide) -> dict[str, Any]:
    """Name the pictures of a pair by their URIs."""
    files = [side.images[position].uri for position in pair["positions"]]
    return {**{key: value for key, value in pair.items() if key != "positions"}, "files": files}
