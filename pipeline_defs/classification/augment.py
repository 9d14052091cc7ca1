"""Random views of a training picture: another cut, another light."""

import math

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inference.pictures import Picture

MIN_AREA_SHARE = 0.6  # of the picture
MAX_LOG_ASPECT = math.log(4 / 3)
MAX_TURN = 8.0  # degrees
MAX_LOG_GAMMA = 0.15
MAX_GAIN = 0.15
MAX_TINT = 0.08
SATURATION = (0.6, 1.4)


def augment(picture: Picture, size: int, rng: Generator) -> Picture:
    """Cut, turn and mirror by one resampling, then relight: a view (size, size, 3) of an RGB picture.

    Left and right are mirrored, up and down are not: a species stands upright.
    """
    matrix = random_cut(height=picture.shape[0], width=picture.shape[1], size=size, rng=rng)
    view = cv2.warpAffine(
        picture,
        matrix,
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return relight(view, rng)


def random_cut(*, height: int, width: int, size: int, rng: Generator) -> NDArray[np.float64]:
    """Return the matrix (2, 3) that leads a view's pixel to the picture's."""
    area = height * width * rng.uniform(MIN_AREA_SHARE, 1.0)
    aspect = math.exp(rng.uniform(-MAX_LOG_ASPECT, MAX_LOG_ASPECT))
    cut_width = min(width, math.sqrt(area * aspect))
    cut_height = min(height, math.sqrt(area / aspect))
    centre = np.array(
        [
            cut_width / 2 + rng.uniform(0, width - cut_width),
            cut_height / 2 + rng.uniform(0, height - cut_height),
        ]
    )
    mirrored = cut_width * rng.choice((-1.0, 1.0))
    angle = math.radians(rng.uniform(-MAX_TURN, MAX_TURN))
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    linear = turn @ np.diag([mirrored / size, cut_height / size])
    middle = (size - 1) / 2
    return np.column_stack((linear, centre - 0.5 - linear @ [middle, middle]))


def relight(view: Picture, rng: Generator) -> Picture:
    """Change brightness, contrast, the light's colour and saturation."""
    gamma = math.exp(rng.uniform(-MAX_LOG_GAMMA, MAX_LOG_GAMMA))
    gain = 1 + rng.uniform(-MAX_GAIN, MAX_GAIN)
    tints = 1 + rng.uniform(-MAX_TINT, MAX_TINT, 3)
    curve = (np.arange(256) / 255.0) ** gamma * 255 * gain
    table = np.clip(curve[:, None] * tints, 0, 255).astype(np.uint8)[None]
    lit = cv2.LUT(view, table)
    share = rng.uniform(*SATURATION)
    gray = cv2.cvtColor(cv2.cvtColor(lit, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    saturated: Picture = cv2.addWeighted(lit, share, gray, 1 - share, 0)
    return saturated
