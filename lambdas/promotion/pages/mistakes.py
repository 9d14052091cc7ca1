"""What a model got wrong on each picture of the test set, from predictions.json, and which is worst.

A detection counts from the operating score. It is right where it covers at least half of an object of its
class (overlap, IoU); every object is found at most once, by the best-scored detection. These are the counts
of evaluation.json.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FOUND, MISSED, MISPLACED, CONFUSED, RIGHT, FALSE = (
    "found",
    "missed",
    "misplaced",
    "confused",
    "right",
    "false",
)
HALF = 0.5
TOUCHES = 0.1  # a wrong detection that overlaps a missed object so much was meant for it


@dataclass(frozen=True)
class Box:
    """An object or a detection, in pixels of the upright picture."""

    label: str
    left: float
    top: float
    right: float
    bottom: float
    score: float | None = None


@dataclass(frozen=True)
class Mark:
    """A box and what is to say of it: an object is found, missed..., a detection right, false..."""

    box: Box
    verdict: str


@dataclass(frozen=True)
class Judged:
    """One picture: its objects and the counted detections, each with its verdict."""

    file: str
    uri: str
    width: int
    height: int
    objects: tuple[Mark, ...]
    answers: tuple[Mark, ...]

    @property
    def badness(self) -> float:
        """How bad its mistakes are: a lost object counts 1, an invented one as much as its score."""
        lost = {MISSED: 1.0, CONFUSED: 1.0, MISPLACED: 0.75}
        invented = sum(mark.box.score or 0.0 for mark in self.answers if mark.verdict == FALSE)
        return sum(lost.get(mark.verdict, 0.0) for mark in self.objects) + invented

    def tally(self, verdict: str) -> int:
        """How many objects have this verdict, or detections for `false`."""
        marks = self.answers if verdict == FALSE else self.objects
        return sum(mark.verdict == verdict for mark in marks)

    def verdicts(self) -> tuple[tuple[str, ...], int]:
        """What differs between two models on one picture: the objects' verdicts, and the false detections."""
        return tuple(mark.verdict for mark in self.objects), self.tally(FALSE)


@dataclass(frozen=True)
class Compared:
    """A picture as the new version and, where it is known, the version in prod answered it."""

    new: Judged
    prod: Judged | None

    @property
    def worsening(self) -> float:
        """By how much the new version's mistakes are worse; 0 where prod's answer is not known."""
        return self.new.badness - self.prod.badness if self.prod else 0.0


def judge(prediction: Mapping[str, Any], operating_score: float) -> Judged:
    """Judge one entry of predictions.json."""
    objects = [_object(box) for box in prediction["truth"]]
    answers = [_answer(found) for found in prediction["detections"] if found["score"] >= operating_score]
    answers.sort(key=lambda box: -(box.score or 0.0))
    of_object, of_answer = _pair(objects, answers)
    return Judged(
        file=prediction["file"],
        uri=prediction.get("uri", ""),
        width=int(prediction["width"]),
        height=int(prediction["height"]),
        objects=tuple(Mark(box, of_object.get(i, MISSED)) for i, box in enumerate(objects)),
        answers=tuple(Mark(box, of_answer.get(i, FALSE)) for i, box in enumerate(answers)),
    )


def compare(new: Sequence[Judged], prod: Sequence[Judged] | None) -> list[Compared]:
    """Put both versions' answers to each picture together."""
    known = {judged.file: judged for judged in prod or ()}
    return [Compared(judged, known.get(judged.file)) for judged in new]


def worst(compared: Iterable[Compared], limit: int) -> tuple[list[Compared], list[Compared]]:
    """Choose the pictures to look at: where prod does better (at most half), then the worst others."""
    wrong = [pair for pair in compared if pair.new.badness > 0]
    worse = sorted(
        (pair for pair in wrong if pair.worsening > 0), key=lambda pair: (-pair.worsening, pair.new.file)
    )[: limit // 2]
    shown = {pair.new.file for pair in worse}
    others = sorted(
        (pair for pair in wrong if pair.new.file not in shown),
        key=lambda pair: (-pair.new.badness, pair.new.file),
    )
    return worse, others[: limit - len(worse)]


def overlap(a: Box, b: Box) -> float:
    """Return intersection over union, 0 to 1."""
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    areas = (a.right - a.left) * (a.bottom - a.top) + (b.right - b.left) * (b.bottom - b.top)
    return common / (areas - common)


def _pair(objects: Sequence[Box], answers: Sequence[Box]) -> tuple[dict[int, str], dict[int, str]]:
    """Give the verdicts of objects and answers that belong together, by their positions."""
    of_object: dict[int, str] = {}
    of_answer: dict[int, str] = {}
    rounds: list[tuple[str, str, float, Callable[[Box, Box], bool]]] = [
        (FOUND, RIGHT, HALF, lambda a, b: a.label == b.label),
        (CONFUSED, CONFUSED, HALF, lambda a, b: a.label != b.label),
        (MISPLACED, MISPLACED, TOUCHES, lambda a, b: a.label == b.label),
    ]
    for object_verdict, answer_verdict, least, belong in rounds:
        for j, answer in enumerate(answers):
            if j in of_answer:
                continue
            free = [
                (overlap(truth, answer), i)
                for i, truth in enumerate(objects)
                if i not in of_object and belong(truth, answer)
            ]
            best, i = max(free, default=(0.0, -1))
            if best >= least:
                of_object[i], of_answer[j] = object_verdict, answer_verdict
    return of_object, of_answer


def _object(box: Mapping[str, Any]) -> Box:
    left, top = float(box["left"]), float(box["top"])
    return Box(str(box["label"]), left, top, left + float(box["width"]), top + float(box["height"]))


def _answer(found: Mapping[str, Any]) -> Box:
    left, top, right, bottom = (float(value) for value in found["box"])
    return Box(str(found["label"]), left, top, right, bottom, float(found["score"]))
