"""How good detections are by the size of what is found.

COCO's bounds (areas of 32x32 and 96x96 pixels), on pictures scaled to a longer side of 640 pixels: a defect
is as large as the part of the picture that it covers, whatever the camera resolves. What is of another size
is ignored, as COCO does: neither is missing it a miss nor finding it a false alarm.
"""

from collections.abc import Sequence
from typing import Any

from pipeline_defs.detection.scoring import (
    MAX_DETECTIONS,
    PictureResult,
    Scored,
    Truth,
    hits_at_50,
    score_detections,
)

LONGER_SIDE = 640
SMALL_BELOW, LARGE_FROM = 32**2, 96**2
RANGES = {
    "small": (0.0, float(SMALL_BELOW)),
    "medium": (float(SMALL_BELOW), float(LARGE_FROM)),
    "large": (float(LARGE_FROM), float("inf")),
}

Range = tuple[float, float]


def sizes_report(
    results: Sequence[PictureResult],
    longer_sides: Sequence[int],
    classes: Sequence[str],
    *,
    operating_score: float,
) -> dict[str, Any]:
    """Return evaluation.json's `by_size`: all classes together; ap50 is None where there is no object."""
    report: dict[str, Any] = {
        "bounds": {
            "longer_side": LONGER_SIDE,
            "small_below_area": SMALL_BELOW,
            "large_from_area": LARGE_FROM,
        }
    }
    for name, area in RANGES.items():
        of_size = [
            keep_size(result, classes, _in_picture(area, side))
            for result, side in zip(results, longer_sides, strict=True)
        ]
        report[name] = _row(of_size, classes, operating_score)
    return report


def keep_size(result: PictureResult, classes: Sequence[str], area: Range) -> PictureResult:
    """Keep a picture's objects of this size, and the detections that are right or wrong about them."""
    kept = [
        found
        for label in classes
        for found in _relevant(
            [detection for detection in result.detections if detection.label == label],
            [truth for truth in result.truth if truth.label == label],
            area,
        )
    ]
    return PictureResult([truth for truth in result.truth if _within(truth, area)], kept)


def _relevant(detections: Sequence[Scored], truth: Sequence[Truth], area: Range) -> list[Scored]:
    found = sorted(detections, key=lambda detection: -detection.score)[:MAX_DETECTIONS]
    hits = hits_at_50(found, [one for one in truth if _within(one, area)])
    others = [detection for detection, hit in zip(found, hits, strict=True) if not hit]
    elsewhere = hits_at_50(others, [one for one in truth if not _within(one, area)])
    ignored = {
        id(detection)
        for detection, hit in zip(others, elsewhere, strict=True)
        if hit or not _within(detection, area)
    }
    return [detection for detection in found if id(detection) not in ignored]


def _row(results: Sequence[PictureResult], classes: Sequence[str], operating_score: float) -> dict[str, Any]:
    score = score_detections(results, classes, operating_score=operating_score)
    counts = ("boxes", "true_positives", "false_positives", "false_negatives")
    row: dict[str, Any] = {
        name: sum(getattr(of_class, name) for of_class in score.by_class.values()) for name in counts
    }
    return {**row, "ap50": score.map50 if row["boxes"] else None}


def _in_picture(area: Range, longer_side: int) -> Range:
    """Give an area's bounds in the picture's own pixels."""
    scale = (longer_side / LONGER_SIDE) ** 2
    return area[0] * scale, area[1] * scale


def _within(one: Scored | Truth, area: Range) -> bool:
    left, top, right, bottom = one.box
    return area[0] <= (right - left) * (bottom - top) < area[1]
