"""Boxes in pixels of the upright picture, and how far two sets of them agree."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Box:
    """One labelled object; pixels of the upright picture, origin top left."""

    label: str
    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Right edge, exclusive."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Lower edge, exclusive."""
        return self.top + self.height

    @property
    def area(self) -> float:
        """Square pixels."""
        return self.width * self.height

    def as_dict(self) -> dict[str, Any]:
        """Return the box as label lists write it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Box":
        """Read what `as_dict` wrote; raises KeyError and ValueError."""
        return cls(
            str(fields["label"]),
            float(fields["left"]),
            float(fields["top"]),
            float(fields["width"]),
            float(fields["height"]),
        )

    def clipped(self, width: float, height: float) -> "Box":
        """Return the part that lies within a picture of this size; its area is 0 where there is none."""
        left, top = min(max(self.left, 0.0), width), min(max(self.top, 0.0), height)
        right, bottom = max(min(self.right, width), left), max(min(self.bottom, height), top)
        return Box(self.label, left, top, right - left, bottom - top)

    def is_finite(self) -> bool:
        """Whether none of the four numbers is NaN or infinite."""
        return all(math.isfinite(value) for value in (self.left, self.top, self.width, self.height))


def overlap(a: Box, b: Box) -> float:
    """Return intersection over union, 0 to 1; the labels do not matter."""
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / (a.area + b.area - common)


def match(truth: Sequence[Box], answer: Sequence[Box], minimum: float) -> list[tuple[int, int]]:
    """Pair boxes of the same label, best overlap first, each at most once: [(truth index, answer index)]."""
    candidates = [
        (overlap(expected, given), i, j)
        for i, expected in enumerate(truth)
        for j, given in enumerate(answer)
        if expected.label == given.label
    ]
    pairs: list[tuple[int, int]] = []
    taken_truth: set[int] = set()
    taken_answer: set[int] = set()
    for score, i, j in sorted(candidates, key=lambda item: (-item[0], item[1], item[2])):
        if score >= minimum and i not in taken_truth and j not in taken_answer:
            pairs.append((i, j))
            taken_truth.add(i)
            taken_answer.add(j)
    return pairs
