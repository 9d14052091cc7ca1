"""What a training run is told, and the input size that follows from its pictures. Needs no torch."""

import math
from dataclasses import dataclass

import numpy as np

from pipeline_defs.detection.dataset import LabeledPicture

INPUT_MULTIPLE = 32  # pixels; the stride of the network's deepest level
MAX_ASPECT = 3.0


@dataclass(frozen=True)
class Settings:
    """What a training run is given; the defaults are those of docs/adr/0006-compact-detector.md."""

    seed: int
    steps: int = 1500
    batch_size: int = 8
    learning_rate: float = 2.5e-3
    weight_decay: float = 0.02
    input_area: int = 224 * 320  # pixels


@dataclass(frozen=True)
class InputSize:
    """The network's input in pixels."""

    height: int
    width: int


def choose_input_size(pictures: tuple[LabeledPicture, ...], area: int) -> InputSize:
    """Return a size of the typical picture's aspect, near `area` pixels, in whole multiples."""
    aspect = float(np.median([picture.width / picture.height for picture in pictures]))
    aspect = min(max(aspect, 1 / MAX_ASPECT), MAX_ASPECT)
    height = math.sqrt(area / aspect)
    return InputSize(height=_to_multiple(height), width=_to_multiple(height * aspect))


def _to_multiple(pixels: float) -> int:
    return max(1, round(pixels / INPUT_MULTIPLE)) * INPUT_MULTIPLE
