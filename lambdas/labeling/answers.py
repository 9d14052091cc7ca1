"""What people may answer: boxes that lie on the picture, a reason why it is unusable, or a verdict."""

from collections.abc import Mapping
from typing import Any

MAX_BOXES = 500
MIN_SIDE = 1.0  # pixels
OVERSHOOT = 1.0  # pixels past the edge that are taken for a slip of the hand and clipped
MAX_REASON = 500  # characters

_SIDES = ("left", "top", "width", "height")


class BadAnswer(ValueError):  # noqa: N818 - what the API answers with a 400
    """An answer that cannot be taken; the text says which part of it and why, for the person who gave it."""


def checked(body: Any, *, kind: str, width: int, height: int, classes: tuple[str, ...]) -> dict[str, Any]:
    """Return the answer in its one form, or raise BadAnswer.

    To a `label` task: {"boxes": [...]}, in which no boxes mean no defect, or {"unusable": reason}. To a
    `verify` task: {"verdict": "approve"} or {"verdict": "reject", "reason": reason}. Boxes come back inside
    the picture (`width` x `height` pixels), in hundredths of a pixel.
    """
    if not isinstance(body, Mapping):
        raise BadAnswer("an answer is a JSON object")
    expected = {"verdict", "reason"} if kind == "verify" else {"boxes", "unusable"}
    if surplus := sorted(set(map(str, body)) - expected):
        raise BadAnswer(f"{', '.join(surplus)}: not part of an answer to a {kind} task")
    if kind == "verify":
        return _verdict(body)
    if set(body) == {"unusable"}:
        return {"unusable": _reason(body["unusable"], "unusable")}
    if set(body) == {"boxes"}:
        return {"boxes": _boxes(body["boxes"], width, height, classes)}
    raise BadAnswer("an answer to a label task has either boxes or unusable")


def _verdict(body: Mapping[str, Any]) -> dict[str, Any]:
    verdict = body.get("verdict")
    if verdict == "approve" and "reason" not in body:
        return {"verdict": "approve"}
    if verdict == "reject":
        return {"verdict": "reject", "reason": _reason(body.get("reason"), "reason")}
    raise BadAnswer('a verdict is "approve", or "reject" with a reason')


def _reason(value: Any, name: str) -> str:
    reason = " ".join(value.split()) if isinstance(value, str) else ""
    if not reason or len(reason) > MAX_REASON:
        raise BadAnswer(f"{name}: say why, in at most {MAX_REASON} characters")
    return reason


def _boxes(boxes: Any, width: int, height: int, classes: tuple[str, ...]) -> list[dict[str, Any]]:
    if not isinstance(boxes, list):
        raise BadAnswer("boxes: not a list")
    if len(boxes) > MAX_BOXES:
        raise BadAnswer(f"boxes: {len(boxes)} are more than the {MAX_BOXES} that one picture may have")
    return [_box(box, f"box {number}", width, height, classes) for number, box in enumerate(boxes, start=1)]


def _box(box: Any, name: str, width: int, height: int, classes: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(box, Mapping) or set(box) != {"label", *_SIDES}:
        raise BadAnswer(f"{name}: needs exactly label, {', '.join(_SIDES)}")
    if box["label"] not in classes:
        raise BadAnswer(f"{name}: the class {box['label']!r} is none of {', '.join(classes)}")
    for side in _SIDES:
        if not _is_number(box[side]):
            raise BadAnswer(f"{name}: {side} {box[side]!r} is not a number of pixels")
    left, right = _clipped(box["left"], box["width"], width, f"{name}: horizontally", "wide")
    top, bottom = _clipped(box["top"], box["height"], height, f"{name}: vertically", "high")
    return {
        "label": box["label"],
        "left": _hundredths(left),
        "top": _hundredths(top),
        "width": _hundredths(right - left),
        "height": _hundredths(bottom - top),
    }


def _clipped(start: float, length: float, limit: int, name: str, adjective: str) -> tuple[float, float]:
    end = start + length
    if start < -OVERSHOOT or end > limit + OVERSHOOT:
        size = f"the picture is {limit} pixels {adjective}"
        raise BadAnswer(f"{name} it spans {start:g} to {end:g}, and {size}")
    start, end = max(0.0, start), min(float(limit), end)
    if end - start < MIN_SIDE:
        raise BadAnswer(f"{name} it has less than {MIN_SIDE:g} pixel on the picture")
    return start, end


def _is_number(value: Any) -> bool:
    # Neither NaN nor an integer too large for a float is between these.
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e9 < value < 1e9


def _hundredths(value: float) -> float | int:
    rounded = round(value, 2)
    return int(rounded) if rounded == int(rounded) else rounded
