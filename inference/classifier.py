"""The classifier as it runs everywhere: evaluation and endpoints."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .centre_view import centre_view
from .letterbox import to_blob
from .pictures import Picture
from .sessions import BadModel, open_session

TASK = "classification"
_SHOWN = 5
_LETTERS_OF_SHA256 = 64


@dataclass(frozen=True)
class ScoredLabel:
    """A label and the model's confidence in it, from 0 to 1."""

    label: str
    score: float


@dataclass(frozen=True)
class ExpectedChild:
    """What a parent was trained to expect of a group's child: its model's name and its label map's hash."""

    model: str
    label_map_sha256: str


@dataclass(frozen=True)
class ClassifierCard:
    """What a model's file says of itself; only a parent has `children`; `min_score` is from 0 to 1."""

    labels: tuple[str, ...]
    input_size: int  # pixels a side
    min_score: float
    label_map_sha256: str
    children: Mapping[str, ExpectedChild]
    dataset_sha256: str

    @classmethod
    def read(cls, metadata: Mapping[str, str]) -> "ClassifierCard":
        """Read ONNX metadata; raises KeyError, TypeError or ValueError for what is missing or malformed."""
        if metadata["task"] != TASK:
            raise ValueError(f"its task is {metadata['task']!r}")
        card = cls(
            labels=tuple(json.loads(metadata["classes"])),
            input_size=int(metadata["input_size"]),
            min_score=float(metadata["min_score"]),
            label_map_sha256=metadata["label_map_sha256"],
            children={group: ExpectedChild(**child) for group, child in _children(metadata).items()},
            dataset_sha256=metadata.get("dataset_sha256", ""),
        )
        if not card.labels or card.input_size < 1 or len(card.label_map_sha256) != _LETTERS_OF_SHA256:
            raise ValueError("no labels, no input_size, or no SHA-256 of the labels")
        return card

    def properties(self) -> dict[str, str]:
        """Return ONNX metadata, which `read` reads."""
        return {
            "task": TASK,
            "classes": json.dumps(list(self.labels)),
            "input_size": str(self.input_size),
            "min_score": str(self.min_score),
            "label_map_sha256": self.label_map_sha256,
            "children": json.dumps(self.children_document()),
            "dataset_sha256": self.dataset_sha256,
        }

    def children_document(self) -> dict[str, dict[str, str]]:
        """Return what is expected of each group's child, as JSON's values."""
        return {
            group: {"model": child.model, "label_map_sha256": child.label_map_sha256}
            for group, child in self.children.items()
        }


class Classifier:
    """An ONNX classifier whose metadata says what it is.

    The model takes `image` (1, 3, S, S), RGB from 0 to 1, and gives `scores` (1, labels) that add up to 1.
    Raises BadModel for anything else.
    """

    def __init__(self, path: str | Path, *, threads: int = 1) -> None:
        self._session = open_session(Path(path), threads)
        try:
            self.card = ClassifierCard.read(self._session.get_modelmeta().custom_metadata_map)
        except (KeyError, TypeError, ValueError) as error:
            raise BadModel(f"{path}: not a classifier, by its metadata: {error!r}") from error
        image, scores = self._session.get_inputs()[0], self._session.get_outputs()[0]
        size, count = self.card.input_size, len(self.card.labels)
        if list(image.shape) != [1, 3, size, size] or list(scores.shape) != [1, count]:
            raise BadModel(
                f"{path}: takes {image.shape} and gives {scores.shape}, not what its metadata says: "
                f"{size} pixels and {count} labels"
            )
        self._input_name: str = image.name

    def scores(self, picture: Picture) -> NDArray[np.float32]:
        """Score each label, in the labels' order, for an RGB picture (height, width, 3), uint8."""
        return self.scores_of_view(centre_view(picture, self.card.input_size))

    def scores_of_view(self, view: Picture) -> NDArray[np.float32]:
        """Score each label for what `centre_view` gives, (S, S, 3)."""
        (scores,) = self._session.run(["scores"], {self._input_name: to_blob(view)})
        return np.asarray(scores[0], dtype=np.float32)

    def best(self, picture: Picture, count: int = _SHOWN) -> list[ScoredLabel]:
        """Return the `count` labels with the highest scores, best first; equal ones in the labels' order."""
        scores = self.scores(picture)
        order = np.argsort(-scores, kind="stable")[:count]
        return [ScoredLabel(self.card.labels[index], float(scores[index])) for index in order]


def _children(metadata: Mapping[str, str]) -> dict[str, Any]:
    children = json.loads(metadata.get("children", "{}"))
    if not isinstance(children, dict):
        raise TypeError("children is not an object")
    return children
