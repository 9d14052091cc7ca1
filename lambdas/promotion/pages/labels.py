"""Where the words beside the boxes of a picture go, so that none lies on another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lambdas.promotion.pages.mistakes import Box

_LETTER = 0.68  # width of a letter, as a share of its height
_SIZE = 0.04  # height of a letter, as a share of the picture's width


@dataclass(frozen=True)
class Label:
    """A text with its left end and its base line."""

    text: str
    x: float
    y: float
    size: float


@dataclass(frozen=True)
class _Place:
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "_Place") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def place(texts: Sequence[tuple[Box, str]], *, width: int, height: int) -> list[Label]:
    """Put each text at its box where there is room; the first ones have the choice."""
    size = width * _SIZE
    taken: list[_Place] = []
    labels = []
    for box, text in texts:
        if not text:
            continue
        long = len(text) * size * _LETTER
        places = [
            _Place(x, y - size, x + long, y + size * 0.25)
            for x, y in _candidates(box, long, size, width, height)
        ]
        free = next((one for one in places if not any(one.meets(other) for other in taken)), places[0])
        taken.append(free)
        labels.append(Label(text, free.left, free.bottom - size * 0.25, size))
    return labels


def _candidates(box: Box, long: float, size: float, width: int, height: int) -> Iterator[tuple[float, float]]:
    """Above the box, below it, then further away; always inside the picture."""
    step = size * 1.3
    starts = (box.left, box.right - long)
    for away in range(6):
        for y in (box.top - size * 0.4 - away * step, box.bottom + size * 1.1 + away * step):
            if size <= y <= height - size * 0.2:
                for x in starts:
                    yield min(max(x, 0), max(width - long, 0)), y
    yield min(max(box.left, 0), max(width - long, 0)), min(max(box.top + size, size), height - size * 0.2)
