"""Precision over recall as SVG: the new version's curve, and that of the version in prod, dashed."""

from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.promotion.pages.markup import Content, Markup, element

WIDTH, HEIGHT = 460, 320
LEFT, TOP, RIGHT, BOTTOM = 62, 12, 14, 46  # margins
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)

Point = tuple[float, float]


def precision_recall(
    new: Mapping[str, Any], prod: Mapping[str, Any] | None, *, names: tuple[str, str], operating_score: float
) -> Markup:
    """Draw both evaluations' curves, each the mean over its classes; thin lines are the new one's classes."""
    across = (LEFT + (WIDTH - RIGHT)) / 2
    lines: list[Content] = [*_grid()]
    classes = _curves(new)
    if len(classes) > 1:
        lines += [_line(_points(curve), "of-class") for curve in classes.values()]
    spoken = []
    for evaluation, kind, name in ((prod, "prod", names[1]), (new, "new", names[0])):
        curve = _mean(evaluation) if evaluation else []
        if curve:
            lines.append(_line(_points(curve), kind))
            spoken.append(f"{name} reaches a recall of {_reach(curve):.2f}")
    if len(classes) == 1:
        lines.append(_operating_point(next(iter(classes.values())), operating_score))
    return element(
        "svg",
        *lines,
        element("text", "Recall: share of the objects found", x=across, y=HEIGHT - 8, text_anchor="middle"),
        element(
            "text",
            "Precision: share of the answers that are right",
            transform=f"translate(14 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)",
            text_anchor="middle",
        ),
        class_="curve",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"Precision over recall; {'; '.join(spoken)}",
    )


def has_curve(evaluation: Mapping[str, Any]) -> bool:
    """Tell whether there is anything to draw."""
    return bool(_curves(evaluation))


def _curves(evaluation: Mapping[str, Any]) -> dict[str, Sequence[Mapping[str, float]]]:
    curves: Mapping[str, Any] = evaluation.get("precision_recall") or {}
    return {label: points for label, points in curves.items() if points}


def _mean(evaluation: Mapping[str, Any]) -> list[Point]:
    """Mean precision at each recall; every class has the same recalls."""
    curves = list(_curves(evaluation).values())
    if not curves:
        return []
    return [
        (points[0]["recall"], sum(point["precision"] for point in points) / len(points))
        for points in zip(*curves, strict=False)
    ]


def _points(curve: Sequence[Any]) -> list[Point]:
    """End the line where precision falls to nothing: no score reaches further."""
    points = [p if isinstance(p, tuple) else (p["recall"], p["precision"]) for p in curve]
    reached = [point for point in points if point[1] > 0]
    if reached and len(reached) < len(points):
        reached.append((reached[-1][0], 0.0))
    return reached


def _reach(curve: Sequence[Point]) -> float:
    return max((recall for recall, precision in curve if precision > 0), default=0.0)


def _line(points: Sequence[Point], kind: str) -> Markup:
    drawn = " ".join(f"{_x(recall):.1f},{_y(precision):.1f}" for recall, precision in points)
    return element("polyline", class_=kind, points=drawn)


def _operating_point(curve: Sequence[Mapping[str, float]], operating_score: float) -> Markup | None:
    counted = [point for point in curve if point.get("score", 0.0) >= operating_score]
    if not counted:
        return None
    at = counted[-1]
    title = f"From a score of {operating_score:g}: recall {at['recall']:.2f}, precision {at['precision']:.2f}"
    return element(
        "circle",
        element("title", title),
        class_="new",
        cx=f"{_x(at['recall']):.1f}",
        cy=f"{_y(at['precision']):.1f}",
        r=5,
    )


def _grid() -> list[Markup]:
    right, bottom = _x(1.0), _y(0.0)
    drawn = []
    for tick in TICKS:
        x, y = _x(tick), _y(tick)
        drawn += [
            element("line", class_="grid", x1=x, x2=x, y1=TOP, y2=bottom),
            element("line", class_="grid", x1=LEFT, x2=right, y1=y, y2=y),
            element("text", f"{tick:g}", x=x, y=bottom + 17, text_anchor="middle"),
            element("text", f"{tick:g}", x=LEFT - 8, y=y + 4, text_anchor="end"),
        ]
    return drawn


def _x(recall: float) -> float:
    return LEFT + recall * (WIDTH - LEFT - RIGHT)


def _y(precision: float) -> float:
    return TOP + (1 - precision) * (HEIGHT - TOP - BOTTOM)
