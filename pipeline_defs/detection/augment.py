"""Random views of a training picture, its boxes moved with it."""

import math

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inference.pictures import BACKGROUND, Picture

Targets = NDArray[np.float32]

MAX_LOG_SCALE = 0.25
MAX_LOG_ASPECT = 0.12
MAX_SHIFT = 0.12  # of the input's side
QUARTER_TURN_RATE = 0.3
MAX_LOG_GAMMA = 0.35
MIN_VISIBLE_SHARE = 0.3
MIN_VISIBLE_SIDE = 2.0  # pixels


def augment(canvas: Picture, targets: Targets, rng: Generator) -> tuple[Picture, Targets]:
    """Scale, move, mirror, turn by 90 degrees and relight; the canvas (height, width, 3) keeps its shape.

    Targets (n, 5) are class, left, top, right, bottom; a box that is mostly out of sight is dropped.
    """
    height, width = canvas.shape[:2]
    matrix = random_affine(height=height, width=width, rng=rng)
    view = cv2.warpAffine(
        canvas, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=(BACKGROUND,) * 3
    )
    return cv2.LUT(view, _random_tone(rng)), move_targets(targets, matrix, height=height, width=width)


def random_affine(*, height: int, width: int, rng: Generator) -> NDArray[np.float64]:
    """Return a (2, 3) matrix that keeps axis-aligned boxes axis-aligned."""
    scale = math.exp(rng.uniform(-MAX_LOG_SCALE, MAX_LOG_SCALE))
    aspect = math.exp(rng.uniform(-MAX_LOG_ASPECT, MAX_LOG_ASPECT))
    mirror_x, mirror_y = rng.choice([-1, 1], 2)
    linear = np.diag([mirror_x * scale, mirror_y * scale * aspect])
    if rng.random() < QUARTER_TURN_RATE:
        linear = np.array([[0, -1], [1, 0]]) @ linear
    centre = np.array([width / 2, height / 2])
    shift = rng.uniform(-MAX_SHIFT, MAX_SHIFT, 2) * [width, height]
    return np.column_stack((linear, centre + shift - linear @ centre))


def move_targets(targets: Targets, matrix: NDArray[np.float64], *, height: int, width: int) -> Targets:
    """Move the boxes with the picture, cut them at its border and drop what hardly shows."""
    if len(targets) == 0:
        return targets
    corners = targets[:, 1:].reshape(-1, 2) @ matrix[:, :2].T + matrix[:, 2]
    corners = corners.reshape(-1, 2, 2)
    low, high = corners.min(1), corners.max(1)
    whole = (high - low).prod(1)
    low, high = low.clip(0, [width, height]), high.clip(0, [width, height])
    sides = high - low
    visible = (sides.min(1) > MIN_VISIBLE_SIDE) & (sides.prod(1) > MIN_VISIBLE_SHARE * whole)
    moved: Targets = np.concatenate((targets[:, :1], low, high), axis=1)[visible].astype(np.float32)
    return moved


def _random_tone(rng: Generator) -> NDArray[np.uint8]:
    gamma = math.exp(rng.uniform(-MAX_LOG_GAMMA, MAX_LOG_GAMMA))
    curve = (np.arange(256) / 255.0) ** gamma * 255 * rng.uniform(0.75, 1.3) + rng.uniform(-15, 15)
    return np.clip(curve, 0, 255).astype(np.uint8)
