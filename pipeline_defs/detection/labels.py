"""Rows of the label store as labels that training can use, or the reason why not."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline_defs.detection.dataset import Box

MIN_SIDE = 1.0  # pixels


class BadLabel(Exception):  # noqa: N818 - the name that callers read
    """A label that cannot be used; the message is the reason."""


@dataclass(frozen=True)
class LabelRow:
    """The newest record of an image, as the label store has it."""

    uri: str
    event_time: str
    sha256: str
    group: str
    boxes: str  # JSON
    width: int
    height: int
    labeling_job: str
    approved: bool
    deleted: bool


@dataclass(frozen=True)
class CheckedBoxes:
    """The boxes within the picture, and whether any had to be cut to it."""

    boxes: tuple[Box, ...]
    clipped: int


def parse_row(row: Mapping[str, str]) -> LabelRow:
    """Read a row of the query's answer, in which every value is text."""
    return LabelRow(
        uri=row["image_uri"],
        event_time=row["event_time"],
        sha256=row["image_sha256"],
        group=row["object_group"],
        boxes=row["boxes"],
        width=int(row["width"] or 0),
        height=int(row["height"] or 0),
        labeling_job=row["labeling_job"],
        approved=row["approved"] == "1",
        deleted=row["is_deleted"].lower() == "true",
    )


def missing_records(manifest: Iterable[str], rows: Iterable[LabelRow]) -> list[str]:
    """Return the images of a labels manifest (JSON lines) that the rows do not show yet."""
    newest = {row.uri: row.event_time for row in rows}
    lines = [json.loads(line) for line in manifest if line.strip()]
    return [line["source-ref"] for line in lines if newest.get(line["source-ref"], "") < line["event-time"]]


def check_boxes(text: str, *, width: int, height: int, classes: Iterable[str]) -> CheckedBoxes:
    """Read boxes and cut them to the picture (pixels); raises BadLabel for what cannot be meant."""
    try:
        entries = json.loads(text or "[]")
        boxes = [_box(entry) for entry in entries]
    except (ValueError, KeyError, TypeError) as error:
        raise BadLabel(f"its boxes cannot be read: {error!r}") from error
    known = set(classes)
    for box in boxes:
        if box.label not in known:
            raise BadLabel(f"unknown class {box.label!r}")
    within = tuple(_clip(box, width=width, height=height) for box in boxes)
    return CheckedBoxes(within, sum(before != after for before, after in zip(boxes, within, strict=True)))


def _box(entry: Mapping[str, Any]) -> Box:
    sides = [float(entry[name]) for name in ("left", "top", "width", "height")]
    if not all(math.isfinite(side) for side in sides):
        raise ValueError("a box's numbers are not finite")
    return Box(str(entry["label"]), *sides)


def _clip(box: Box, *, width: int, height: int) -> Box:
    left, top = max(box.left, 0.0), max(box.top, 0.0)
    right, bottom = min(box.left + box.width, float(width)), min(box.top + box.height, float(height))
    if right - left < MIN_SIDE or bottom - top < MIN_SIDE:
        raise BadLabel(
            f"a box outside its picture or without area: left {box.left:g}, top {box.top:g}, "
            f"{box.width:g}x{box.height:g} on {width}x{height}"
        )
    if (left, top, right, bottom) == (box.left, box.top, box.left + box.width, box.top + box.height):
        return box
    return Box(box.label, left, top, right - left, bottom - top)
