"""What an evaluation says: evaluation.json and predictions.json."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipeline_defs.detection.answers import answers_report
from pipeline_defs.detection.dataset import LabeledPicture, Split
from pipeline_defs.detection.scoring import PictureResult, Scored, Truth, score_detections
from pipeline_defs.detection.sizes import sizes_report


@dataclass(frozen=True)
class Evaluated:
    """What was found in each picture of the split, and how long each answer took (milliseconds).

    There may be more answers than pictures.
    """

    detections: list[list[Scored]]
    milliseconds: list[float]


def evaluation_report(split: Split, evaluated: Evaluated, *, operating_score: float) -> dict[str, Any]:
    """Return what evaluation.json says of the answers, whoever gave them."""
    results = [
        PictureResult(truth_of(picture), found)
        for picture, found in zip(split.pictures, evaluated.detections, strict=True)
    ]
    score = score_detections(results, split.classes, operating_score=operating_score)
    by_class, curves = {}, {}
    for label, of_class in score.by_class.items():
        row = asdict(of_class)
        curves[label] = row.pop("curve")
        by_class[label] = row
    longer_sides = [max(picture.width, picture.height) for picture in split.pictures]
    return {
        "map50": score.map50,
        "map50_95": score.map50_95,
        "images": len(split.pictures),
        "boxes": sum(of_class.boxes for of_class in score.by_class.values()),
        "answers": answers_report(evaluated.detections),
        "by_class": by_class,
        "by_size": sizes_report(results, longer_sides, split.classes, operating_score=operating_score),
        "precision_recall": curves,
        "latency_ms": {
            "p50": round(float(np.percentile(evaluated.milliseconds, 50)), 3),
            "p95": round(float(np.percentile(evaluated.milliseconds, 95)), 3),
        },
        "requests": len(evaluated.milliseconds),
    }


def predictions_report(split: Split, detections: Sequence[Sequence[Scored]]) -> list[dict[str, object]]:
    """Return the content of predictions.json: each picture's truth beside what was found."""
    return [
        {
            "file": picture.file,
            "sha256": picture.sha256,
            "uri": picture.uri,
            "width": picture.width,
            "height": picture.height,
            "truth": [asdict(box) for box in picture.boxes],
            "detections": [asdict(detection) for detection in found],
        }
        for picture, found in zip(split.pictures, detections, strict=True)
    ]


def truth_of(picture: LabeledPicture) -> list[Truth]:
    """Return the labelled objects of a picture."""
    return [
        Truth(box.label, (box.left, box.top, box.left + box.width, box.top + box.height))
        for box in picture.boxes
    ]
