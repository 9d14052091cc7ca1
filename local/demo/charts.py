"""The report's drawings as numbers: the precision-recall curves and the bars of the timeline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 460, 340
LEFT, TOP, RIGHT, BOTTOM = 52, 14, 14, 48  # margins
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Curve:
    """One class's precision over recall, in the drawing's pixels."""

    label: str
    average_precision: float
    line: str  # points of an SVG polyline
    operating: tuple[float, float] | None  # where detections count: the point at the operating score
    operating_text: str


@dataclass(frozen=True)
class Bar:
    """One part of the run on the timeline; begin and length are shares of the whole, in percent."""

    name: str
    seconds: float
    begin: float
    length: float
    failed: bool


def curves(evaluation: Mapping[str, Any], min_score: float) -> list[Curve]:
    """Make a curve of each class in evaluation.json."""
    made = []
    for label, points in evaluation["precision_recall"].items():
        reached = [point for point in points if point["score"] > 0]
        counted = [point for point in reached if point["score"] >= min_score]
        line = [(x_of(point["recall"]), y_of(point["precision"])) for point in reached]
        if line and reached[-1]["recall"] < 1:  # no score reaches further: the curve falls to nothing
            line.append((line[-1][0], y_of(0)))
        made.append(
            Curve(
                label=label,
                average_precision=evaluation["by_class"].get(label, {}).get("ap50", 0.0),
                line=" ".join(f"{x:.1f},{y:.1f}" for x, y in line),
                operating=(x_of(counted[-1]["recall"]), y_of(counted[-1]["precision"])) if counted else None,
                operating_text=_operating_text(counted[-1], min_score) if counted else "",
            )
        )
    return made


def x_of(recall: float) -> float:
    """Where a recall of 0 to 1 lies, in pixels from the left."""
    return LEFT + recall * (WIDTH - LEFT - RIGHT)


def y_of(precision: float) -> float:
    """Where a precision of 0 to 1 lies, in pixels from the top."""
    return TOP + (1 - precision) * (HEIGHT - TOP - BOTTOM)


def timeline(stages: Sequence[Mapping[str, Any]], failed_stage: str | None) -> list[Bar]:
    """Lay the parts of the run one after the other; what failed is the last of its name."""
    total = sum(stage["seconds"] for stage in stages) or 1.0
    bars, begin = [], 0.0
    for stage in stages:
        share = 100 * stage["seconds"] / total
        bars.append(Bar(stage["name"], stage["seconds"], begin, share, stage["name"] == failed_stage))
        begin += share
    return bars


def _operating_text(point: Mapping[str, float], min_score: float) -> str:
    return f"at score {min_score:g}: recall {point['recall']:.2f}, precision {point['precision']:.2f}"
