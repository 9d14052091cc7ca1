"""How far two people who saw the same picture agree: where the boxes lie, and what is on it at all."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lambdas.labeling import consensus

Box = Mapping[str, Any]
NOTHING, UNUSABLE = "nothing here", "unusable"


@dataclass(frozen=True)
class Judgement:
    """What somebody found on a picture; `boxes` is None where the picture was called unusable."""

    who: str
    boxes: Sequence[Box] | None

    @property
    def verdict(self) -> str:
        """What is on the picture: its classes, nothing, or no telling."""
        if self.boxes is None:
            return UNUSABLE
        return ", ".join(sorted({box["label"] for box in self.boxes})) or NOTHING


@dataclass
class Comparison:
    """What came of the pictures that the same two people saw."""

    images: int = 0
    boxes: int = 0
    overlaps: list[float] = field(default_factory=list)
    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, first: Judgement, second: Judgement, *, least_iou: float) -> None:
        """Compare one picture; who is first has to be the same person each time."""
        self.images += 1
        self.verdicts[first.verdict, second.verdict] += 1
        if first.boxes is not None and second.boxes is not None:
            self.boxes += len(first.boxes) + len(second.boxes)
            self.overlaps += matched(first.boxes, second.boxes, least_iou=least_iou)

    def document(self) -> dict[str, Any]:
        """Give images, mean_iou of the matched boxes, the share of boxes that have a match, and kappa."""
        return {
            "images": self.images,
            "mean_iou": sum(self.overlaps) / len(self.overlaps) if self.overlaps else None,
            "matched_share": 2 * len(self.overlaps) / self.boxes if self.boxes else None,
            "kappa": cohens_kappa(self.verdicts),
        }


class Agreement:
    """The comparisons of one model's people, two at a time; `least_iou` makes two boxes the same object."""

    def __init__(self, *, least_iou: float) -> None:
        self._least_iou = least_iou
        self._pairs: dict[tuple[str, str], Comparison] = {}

    def add(self, one: Judgement, other: Judgement) -> None:
        """Compare what two people said of one picture; nothing is compared with oneself."""
        if one.who == other.who:
            return
        first, second = sorted((one, other), key=lambda judgement: judgement.who)
        pair = self._pairs.setdefault((first.who, second.who), Comparison())
        pair.add(first, second, least_iou=self._least_iou)

    def document(self) -> dict[str, Any]:
        """Give `pairs`, those with most pictures first, and the `mean_iou` over all their boxes."""
        pairs = [{"a": a, "b": b, **pair.document()} for (a, b), pair in sorted(self._pairs.items())]
        overlaps = [overlap for pair in self._pairs.values() for overlap in pair.overlaps]
        return {
            "pairs": sorted(pairs, key=lambda pair: -pair["images"]),
            "mean_iou": sum(overlaps) / len(overlaps) if overlaps else None,
        }


def matched(one: Sequence[Box], other: Sequence[Box], *, least_iou: float) -> list[float]:
    """The overlaps of the boxes of two people that are the same object, by the rules of a consensus."""
    groups = consensus.matched([one, other], iou=least_iou)
    return [consensus.overlap(*group) for group in groups if len(group) == 2]


def cohens_kappa(verdicts: Mapping[tuple[str, str], int]) -> float | None:
    """Agreement beyond chance, 1 for complete; None where chance alone would agree on everything."""
    total = sum(verdicts.values())
    if not total:
        return None
    first: Counter[str] = Counter()
    second: Counter[str] = Counter()
    for (a, b), count in verdicts.items():
        first[a] += count
        second[b] += count
    observed = sum(count for (a, b), count in verdicts.items() if a == b) / total
    expected = sum(first[verdict] * second[verdict] for verdict in first) / total**2
    return None if expected == 1 else (observed - expected) / (1 - expected)
