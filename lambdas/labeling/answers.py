"""What people may answer: boxes that lie on the picture, a reason why it is unusable, or a verdict."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

MAX_BOXES = 500
MIN_SIDE = 1.0  # pixels
OVERSHOOT = 1.0  # pixels past the edge that are taken for a slip of the hand and clipped
MAX_REASON = 500  # characters
MAX_SECONDS = 86_400
MAX_SUGGESTIONS = 10_000

_SIDES = ("left", "top", "width", "height")
_SAID = {
    "label": {"boxes", "unusable"},
    "verify": {"verdict", "reason", "boxes"},
    "settle": {"boxes", "unusable"},
}
_TAKEN = ("accepted", "moved", "deleted")
_BESIDE = {"seconds", "answer_id", "suggestions"}
_ANSWER_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


class BadAnswer(ValueError):  # noqa: N818 - what the API answers with a 400
    """An answer that cannot be taken; the text says which part of it and why, for the person who gave it."""


@dataclass(frozen=True)
class Given:
    """An answer in its one form, and what was said beside it: how long it took, by its own account."""

    answer: dict[str, Any]
    seconds: int | None = None
    answer_id: str = ""
    suggestions: dict[str, int] | None = None


def given_of(
    body: Mapping[str, Any], *, kind: str, width: int, height: int, classes: Collection[str]
) -> Given:
    """Take a request's body apart, or raise BadAnswer; see `checked` for the answer itself."""
    said = {name: value for name, value in body.items() if name not in _BESIDE}
    return Given(
        checked(said, kind=kind, width=width, height=height, classes=classes),
        _seconds(body.get("seconds")),
        _answer_id(body.get("answer_id")),
        _suggestions(body.get("suggestions")),
    )


def checked(body: Any, *, kind: str, width: int, height: int, classes: Collection[str]) -> dict[str, Any]:
    """Return the answer in its one form, or raise BadAnswer.

    To a `label` or a `settle` task: {"boxes": [...]}, in which no boxes mean no defect, or {"unusable":
    reason}. To a `verify` task: {"verdict": "approve"}, {"verdict": "reject", "reason": reason} or
    {"verdict": "mend", "boxes": [...]}. Boxes come back inside the picture (`width` x `height` pixels), in
    hundredths of a pixel.
    """
    if not isinstance(body, Mapping):
        raise BadAnswer("an answer is a JSON object")
    if surplus := sorted(set(map(str, body)) - _SAID[kind]):
        raise BadAnswer(f"{', '.join(map(shown, surplus[:5]))}: not part of an answer to a {kind} task")
    if kind == "verify":
        return _verdict(body, width, height, classes)
    if set(body) == {"unusable"}:
        return {"unusable": reason_of(body["unusable"], "unusable")}
    if set(body) == {"boxes"}:
        return {"boxes": drawn(body["boxes"], width, height, classes)}
    raise BadAnswer(f"an answer to a {kind} task has either boxes or unusable")


def _verdict(body: Mapping[str, Any], width: int, height: int, classes: Collection[str]) -> dict[str, Any]:
    verdict, beside = body.get("verdict"), set(body) - {"verdict"}
    if verdict == "approve" and not beside:
        return {"verdict": "approve"}
    if verdict == "reject" and beside <= {"reason"}:
        return {"verdict": "reject", "reason": reason_of(body.get("reason"), "reason")}
    if verdict == "mend" and beside == {"boxes"}:
        return {"verdict": "mend", "boxes": drawn(body["boxes"], width, height, classes)}
    raise BadAnswer('a verdict is "approve", "reject" with a reason, or "mend" with boxes')


def reason_of(value: Any, name: str) -> str:
    """The reason that somebody gives, on one line; BadAnswer names the field where there is none."""
    reason = " ".join(value.split()) if isinstance(value, str) else ""
    if not reason or len(reason) > MAX_REASON:
        raise BadAnswer(f"{name}: say why, in at most {MAX_REASON} characters")
    return reason


def drawn(boxes: Any, width: int, height: int, classes: Collection[str]) -> list[dict[str, Any]]:
    """The boxes inside the picture; BadAnswer names the first that cannot be taken."""
    if not isinstance(boxes, list):
        raise BadAnswer("boxes: not a list")
    if len(boxes) > MAX_BOXES:
        raise BadAnswer(f"boxes: {len(boxes)} are more than the {MAX_BOXES} that one picture may have")
    return [_box(box, f"box {number}", width, height, classes) for number, box in enumerate(boxes, start=1)]


def _box(box: Any, name: str, width: int, height: int, classes: Collection[str]) -> dict[str, Any]:
    if not isinstance(box, Mapping) or set(box) != {"label", *_SIDES}:
        raise BadAnswer(f"{name}: needs exactly label, {', '.join(_SIDES)}")
    if not isinstance(box["label"], str) or box["label"] not in classes:
        raise BadAnswer(f"{name}: the class {shown(box['label'])} is none of {', '.join(classes)}")
    for side in _SIDES:
        if not _is_number(box[side]):
            raise BadAnswer(f"{name}: {side} {shown(box[side])} is not a number of pixels")
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
    if round(end - start, 2) < MIN_SIDE:  # 0.13 + 1 - 0.13 is less than 1
        raise BadAnswer(f"{name} it has less than {MIN_SIDE:g} pixel on the picture")
    return start, end


def _seconds(value: Any) -> int | None:
    return None if value is None else round(_counted(value, MAX_SECONDS, "seconds"))


def _answer_id(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not _ANSWER_ID.fullmatch(value):
        raise BadAnswer("answer_id: a UUID")
    return value


def _suggestions(value: Any) -> dict[str, int] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or set(value) != set(_TAKEN):
        raise BadAnswer(f"suggestions: how many were {', '.join(_TAKEN)}")
    return {name: int(_counted(value[name], MAX_SUGGESTIONS, f"suggestions: {name}")) for name in _TAKEN}


def _counted(value: Any, most: int, name: str) -> float:
    if not _is_number(value) or not 0 <= value <= most:
        raise BadAnswer(f"{name}: {shown(value)} is not a number from 0 to {most}")
    return float(value)


def shown(value: Any) -> str:
    """What somebody sent, as far as it fits into a sentence."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _is_number(value: Any) -> bool:
    # Neither NaN nor an integer too large for a float is between these.
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e9 < value < 1e9


def _hundredths(value: float) -> float | int:
    rounded = round(value, 2)
    return int(rounded) if rounded == int(rounded) else rounded
