"""Pictures for the report: which ones to show, what was found on each, and the picture itself, inline."""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from inference.pictures import BadPicture, decode
from local.demo.boxes import Box, match, overlap

AGREES = 0.5  # overlap at which a detection counts, as in mAP50
WIDEST = 480  # pixels of an inline picture
WORST, BEST = 8, 8  # how many of each are shown


@dataclass(frozen=True)
class Mark:
    """A box with its verdict: "found" or "missed" of the truth, "hit" or "false" of the detections."""

    box: Box
    verdict: str
    text: str


@dataclass(frozen=True)
class Plate:
    """One test picture with the truth beside what was detected."""

    file: str
    name: str  # as the user knows it
    width: int
    height: int
    truth: tuple[Mark, ...]
    detected: tuple[Mark, ...]
    fit: float  # mean overlap of the pairs that agree; 0 where none does

    @property
    def missed(self) -> int:
        """How many objects were not found."""
        return sum(mark.verdict == "missed" for mark in self.truth)

    @property
    def false(self) -> int:
        """How many detections show no object."""
        return sum(mark.verdict == "false" for mark in self.detected)

    @property
    def verdict(self) -> str:
        """What there is to say of the picture, in some words."""
        parts = (
            [f"{len(self.truth) - self.missed} of {len(self.truth)} found"] if self.truth else ["no object"]
        )
        if self.false:
            parts.append(f"{self.false} false")
        if self.fit:
            parts.append(f"fit {self.fit:.2f}")
        return ", ".join(parts)


def plate(prediction: Mapping[str, Any], min_score: float, *, name_classes: bool = True) -> Plate:
    """Judge one line of predictions.json at the score from which detections count.

    Where there is one class only, `name_classes` is false and the marks carry no name.
    """
    truth = [Box.from_dict(box) for box in prediction["truth"]]
    counted = [found for found in prediction["detections"] if found["score"] >= min_score]
    answer = [_box(found) for found in counted]
    pairs = match(truth, answer, AGREES)
    found_truth, hits = {i for i, _ in pairs}, {j for _, j in pairs}
    return Plate(
        file=prediction["file"],
        name=str(prediction["uri"]).rpartition("/")[2],
        width=prediction["width"],
        height=prediction["height"],
        truth=tuple(
            Mark(b, "found" if i in found_truth else "missed", b.label if name_classes else "")
            for i, b in enumerate(truth)
        ),
        detected=tuple(
            Mark(
                box,
                "hit" if j in hits else "false",
                f"{box.label + ' ' if name_classes else ''}{found['score']:.2f}",
            )
            for j, (box, found) in enumerate(zip(answer, counted, strict=True))
        ),
        fit=sum(overlap(truth[i], answer[j]) for i, j in pairs) / len(pairs) if pairs else 0.0,
    )


def worst_then_best(plates: Iterable[Plate]) -> tuple[list[Plate], list[Plate]]:
    """Return the pictures with the most mistakes, then some without any, the best fit first."""
    plates = list(plates)
    wrong = [plate for plate in plates if plate.missed or plate.false]
    right = [plate for plate in plates if not (plate.missed or plate.false)]
    wrong.sort(key=lambda plate: (-plate.missed - plate.false, plate.fit, plate.file))
    right.sort(key=lambda plate: (-plate.fit, plate.file))
    return wrong[:WORST], right[:BEST]


def inline(path: Path, widest: int = WIDEST) -> str | None:
    """Return a picture as a data URI, upright and of sensible size; None where it cannot be read."""
    try:
        image = Image.fromarray(decode(path.read_bytes()))
    except (OSError, BadPicture):
        return None
    if image.width > widest:
        image = image.resize((widest, max(1, round(image.height * widest / image.width))))
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=72, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _box(detection: Mapping[str, Any]) -> Box:
    left, top, right, bottom = (float(value) for value in detection["box"])
    return Box(str(detection["label"]), left, top, right - left, bottom - top)


def counted(plates: Sequence[Plate]) -> tuple[int, int, int]:
    """Return how many objects were found and missed, and how many detections were false."""
    missed, false = sum(p.missed for p in plates), sum(p.false for p in plates)
    return sum(len(p.truth) for p in plates) - missed, missed, false
