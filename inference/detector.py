"""The detector as it runs everywhere: evaluation, endpoints and devices."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .letterbox import place, to_blob
from .pictures import Picture
from .sessions import BadModel, open_session
from .suppression import Floats, select


@dataclass(frozen=True)
class Detection:
    """One found object; `box` is left, top, right, bottom in pixels of the upright picture."""

    label: str
    score: float
    box: tuple[float, float, float, float]


class Detector:
    """An ONNX detector with its classes and input size in its own metadata.

    The model takes (1, 3, height, width) RGB from 0 to 1 and gives `boxes` (n, 4), as left, top, right,
    bottom in input pixels, and `scores` (n, classes) from 0 to 1. Raises BadModel for anything else.
    """

    def __init__(self, path: str | Path, *, threads: int = 1) -> None:
        self._session = open_session(Path(path), threads)
        metadata = self._session.get_modelmeta().custom_metadata_map
        try:
            self.classes: tuple[str, ...] = tuple(json.loads(metadata["classes"]))
            self.input_height = int(metadata["input_height"])
            self.input_width = int(metadata["input_width"])
        except (KeyError, ValueError, TypeError) as error:
            raise BadModel(
                f"{path}: no usable classes, input_height and input_width in the metadata"
            ) from error
        self.dataset_sha256: str = metadata.get("dataset_sha256", "")
        self._input_name: str = self._session.get_inputs()[0].name

    def detect(self, picture: Picture, min_score: float = 0.25) -> list[Detection]:
        """Find objects in an RGB picture (height, width, 3), uint8; best first."""
        canvas, letterbox = place(picture, input_width=self.input_width, input_height=self.input_height)
        dense_boxes, dense_scores = self._run(to_blob(canvas))
        boxes, scores, classes = select(dense_boxes, dense_scores, min_score=min_score)
        height, width = picture.shape[:2]
        placed = letterbox.to_picture(boxes).clip(0, [width, height, width, height])
        return [
            Detection(self.classes[class_index], float(score), (float(x0), float(y0), float(x1), float(y1)))
            for (x0, y0, x1, y1), score, class_index in zip(placed, scores, classes, strict=True)
            if x1 > x0 and y1 > y0
        ]

    def _run(self, blob: Floats) -> tuple[Floats, Floats]:
        boxes, scores = self._session.run(["boxes", "scores"], {self._input_name: blob})
        return np.asarray(boxes, dtype=np.float32), np.asarray(scores, dtype=np.float32)
