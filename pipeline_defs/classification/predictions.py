"""predictions.jsonl: each picture's truth beside what was said, and whether an endpoint says the same."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline_defs.classification.answering import Labels
from pipeline_defs.classification.dataset import Image
from pipeline_defs.classification.evaluated_pictures import TestSide
from pipeline_defs.common.job import JobError

FILE = "predictions.jsonl"
SCORE_TOLERANCE = 1e-3  # what the export allows between torch and onnxruntime
ALLOWED_SHARE = 0.001  # another processor may round a picture's edge pixels another way
_NAMED = 20


def write_predictions(folder: Path, side: TestSide, answers: Sequence[Labels]) -> None:
    """Write a line for each picture, in the order of the test side's records."""
    with (folder / FILE).open("w", encoding="utf-8") as file:
        for index, image, truth, answer in zip(side.indices, side.images, side.truth, answers, strict=True):
            row = {
                "index": index,
                "uri": image.uri,
                "sha256": image.sha256,
                "class": image.class_name,
                "truth": side.label_map.labels[truth],
                "labels": [{"label": each, "score": score} for each, score in answer],
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def read_predictions(folder: Path) -> dict[str, Labels]:
    """Read what the training's evaluation said, by the picture's SHA-256."""
    path = folder / FILE
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return {
            row["sha256"]: [(found["label"], float(found["score"])) for found in row["labels"]]
            for row in rows
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JobError(f"{path}: not the predictions of the training's evaluation: {error!r}") from error


@dataclass
class Comparison:
    """What was compared and where it differs, in words."""

    pictures: int = 0
    differences: list[str] = field(default_factory=list)
    largest_score: float = 0.0

    def report(self) -> dict[str, Any]:
        """Return the content of evaluation.json's `equality`."""
        allowed = int(self.pictures * ALLOWED_SHARE)
        return {
            "passed": len(self.differences) <= allowed,
            "pictures": self.pictures,
            "compared": self.pictures,
            "different": len(self.differences),
            "allowed": allowed,
            "differences": self.differences[:_NAMED],
            "largest_score": round(self.largest_score, 6),
            "score_tolerance": SCORE_TOLERANCE,
        }


def compare(trained: Mapping[str, Labels], images: Sequence[Image], answers: Sequence[Labels]) -> Comparison:
    """Compare the best label of each picture, and its score."""
    comparison = Comparison()
    for image, answer in zip(images, answers, strict=True):
        if image.sha256 not in trained:
            comparison.differences.append(f"{image.uri}: the training's evaluation does not know it")
            continue
        comparison.pictures += 1
        before = trained[image.sha256]
        apart = max(_apart(before, answer))
        # One that differs is named, and says nothing about how far equal ones are apart.
        if apart > SCORE_TOLERANCE:
            comparison.differences.append(f"{image.uri}: {_words(before)}, now {_words(answer)}")
        else:
            comparison.largest_score = max(comparison.largest_score, apart)
    return comparison


def _apart(before: Labels, now: Labels) -> Iterator[float]:
    """Return how far the scores of either side's best label are apart; two that score alike may swap."""
    scores_before, scores_now = dict(before), dict(now)
    for label in (before[0][0], now[0][0]):
        yield abs(scores_before.get(label, 0.0) - scores_now.get(label, 0.0))


def _words(answer: Labels) -> str:
    label, score = answer[0]
    return f"{label} {score:.4f}"
