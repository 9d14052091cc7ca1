"""Whether an endpoint finds in each picture what the training's own ONNX model found in it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from inference.serving import DEFAULT_MIN_SCORE
from inference.suppression import box_iou
from pipeline_defs.common.job import JobError
from pipeline_defs.detection.dataset import LabeledPicture, Split
from pipeline_defs.detection.scoring import Scored

SCORE_TOLERANCE = 1e-3  # what the export allows between torch and onnxruntime
BOX_TOLERANCE_PIXELS = 0.5
BOX_TOLERANCE_SHARE = 0.001  # of the longer side: a third of a pixel as the network sees the picture
ALLOWED_SHARE = 0.001  # of two boxes that score alike, another processor may keep the other one
_NAMED = 20
_SAME_OBJECT_IOU = 0.3


@dataclass
class Comparison:
    """What was compared and where it differs, in words."""

    pictures: int = 0
    compared: int = 0
    differences: list[str] = field(default_factory=list)
    largest_box_pixels: float = 0.0
    largest_score: float = 0.0

    @property
    def allowed(self) -> int:
        """How many detections may differ."""
        return int(self.compared * ALLOWED_SHARE)

    def report(self) -> dict[str, Any]:
        """Return the content of evaluation.json's `equality`."""
        return {
            "passed": len(self.differences) <= self.allowed,
            "pictures": self.pictures,
            "compared": self.compared,
            "different": len(self.differences),
            "allowed": self.allowed,
            "differences": self.differences[:_NAMED],
            "largest_box_pixels": round(self.largest_box_pixels, 4),
            "largest_score": round(self.largest_score, 6),
            "min_score": DEFAULT_MIN_SCORE,
            "score_tolerance": SCORE_TOLERANCE,
            "box_tolerance_pixels": BOX_TOLERANCE_PIXELS,
            "box_tolerance_share": BOX_TOLERANCE_SHARE,
        }


def read_predictions(folder: Path) -> dict[str, list[Scored]]:
    """Read what the training's evaluation found, by the picture's SHA-256."""
    path = folder / "predictions.json"
    try:
        return {
            row["sha256"]: [
                Scored(found["label"], float(found["score"]), tuple(found["box"]))
                for found in row["detections"]
            ]
            for row in json.loads(path.read_text())
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JobError(f"{path}: not the predictions of the training's evaluation: {error!r}") from error


def compare(
    trained: dict[str, list[Scored]], split: Split, answered: Sequence[Sequence[Scored]]
) -> Comparison:
    """Compare all pictures, each detection that a caller would see by default."""
    comparison = Comparison()
    for picture, found in zip(split.pictures, answered, strict=True):
        if picture.sha256 not in trained:
            comparison.differences.append(f"{picture.file}: the training's evaluation does not know it")
            continue
        comparison.pictures += 1
        _compare_picture(comparison, picture, trained[picture.sha256], found)
    return comparison


def _compare_picture(
    comparison: Comparison, picture: LabeledPicture, trained: Sequence[Scored], answered: Sequence[Scored]
) -> None:
    """A detection counts if either side scores it high enough, and its partner may score a little less.

    So one that lies at the least score on one side and just under it on the other is no difference.
    """
    pixels = max(BOX_TOLERANCE_PIXELS, BOX_TOLERANCE_SHARE * max(picture.width, picture.height))
    pairs = _pairs(trained, answered, pixels)
    for first, second in pairs:
        if max(first.score, second.score) >= DEFAULT_MIN_SCORE:
            comparison.compared += 1
            comparison.largest_box_pixels = max(comparison.largest_box_pixels, _distance(first, second))
            comparison.largest_score = max(comparison.largest_score, abs(first.score - second.score))
    lonely = _seen(trained, [first for first, _ in pairs])
    strange = _seen(answered, [second for _, second in pairs])
    differences = list(_differences(lonely, strange))
    comparison.compared += len(differences)
    comparison.differences += [f"{picture.file}: {difference}" for difference in differences]


def _pairs(
    trained: Sequence[Scored], answered: Sequence[Scored], pixels: float
) -> list[tuple[Scored, Scored]]:
    """Give each detection of the training the nearest free one that equals it within the tolerances."""
    free, pairs = list(answered), []
    for first in sorted(trained, key=lambda detection: -detection.score):
        equal = [second for second in free if _equal(first, second, pixels)]
        if equal:
            nearest = min(equal, key=lambda second: _distance(first, second))
            free.remove(nearest)
            pairs.append((first, nearest))
    return pairs


def _differences(lonely: list[Scored], strange: list[Scored]) -> Iterator[str]:
    """Tell each once: what has moved or changed is neither missing nor new."""
    for first in lonely:
        same = [second for second in strange if _overlap(first, second) >= _SAME_OBJECT_IOU]
        if same:
            second = max(same, key=lambda candidate: _overlap(first, candidate))
            strange.remove(second)
            moved, scored = _distance(first, second), second.score - first.score
            as_label = "" if first.label == second.label else f" as {second.label}"
            yield f"{_words(first)} is found{as_label} {moved:.2f} pixels off, with a score {scored:+.4f}"
        else:
            yield f"{_words(first)} is missing"
    for second in strange:
        yield f"{_words(second)} is new"


def _seen(detections: Sequence[Scored], paired: Sequence[Scored]) -> list[Scored]:
    """What has no partner and is seen by callers who ask for no other score."""
    rest = list(detections)
    for detection in paired:
        rest.remove(detection)
    return [detection for detection in rest if detection.score >= DEFAULT_MIN_SCORE]


def _equal(first: Scored, second: Scored, pixels: float) -> bool:
    return (
        first.label == second.label
        and abs(first.score - second.score) <= SCORE_TOLERANCE
        and _distance(first, second) <= pixels
    )


def _distance(first: Scored, second: Scored) -> float:
    """Return by how much the edge that differs most does, in pixels."""
    return max(abs(a - b) for a, b in zip(first.box, second.box, strict=True))


def _overlap(first: Scored, second: Scored) -> float:
    boxes = [np.array([detection.box], dtype=np.float32) for detection in (first, second)]
    return float(box_iou(*boxes)[0, 0])


def _words(detection: Scored) -> str:
    box = ", ".join(f"{edge:.1f}" for edge in detection.box)
    return f"{detection.label} {detection.score:.4f} at ({box})"
