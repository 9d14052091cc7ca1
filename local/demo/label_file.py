"""What a label file says, whichever form it has: one entry for each picture that it mentions."""

from dataclasses import dataclass, field
from typing import Any

from local.demo.batch import SetAside
from local.demo.boxes import Box


class BadLabel(Exception):  # noqa: N818 - caught where the entry is made, its text becomes the entry's problem
    """One label cannot be used; the text says why, for a person."""


@dataclass(frozen=True)
class Entry:
    """What a label file says of one picture, in the pixels that the file counts in."""

    picture: str  # path or file name as written, with "/"
    boxes: tuple[Box, ...] = ()
    width: int | None = None
    height: int | None = None
    group: str | None = None
    problem: str | None = None  # why this label cannot be used


@dataclass(frozen=True)
class LabelFile:
    """A label file, read."""

    form: str  # "COCO" or "Ground Truth"
    classes: tuple[str, ...]
    entries: tuple[Entry, ...]
    set_aside: tuple[SetAside, ...] = field(default=())  # what cannot be tied to any picture


def read_box(label: str, left: Any, top: Any, width: Any, height: Any) -> Box:
    """Make a box of what a file holds; raises BadLabel for what is no number or has no extent."""
    try:
        box = Box(label, *(number(value) for value in (left, top, width, height)))
    except (TypeError, ValueError) as error:
        raise BadLabel(f"a box is not four numbers: {[left, top, width, height]!r}") from error
    if not box.is_finite():
        raise BadLabel(f"a box is not four finite numbers: {[left, top, width, height]!r}")
    if box.width <= 0 or box.height <= 0:
        raise BadLabel(f"a box has no extent: {box.width:g} x {box.height:g} pixels")
    return box


def number(value: Any) -> float:
    """Read a number, or a string that holds one; raises TypeError and ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(value)
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError(value) from error


def whole_number(value: Any) -> int | None:
    """Read a size in pixels; None where there is none to be read."""
    try:
        size = number(value)
    except (TypeError, ValueError):
        return None
    return int(size) if 0 < size < 10**6 else None
