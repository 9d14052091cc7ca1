"""A picture fitted into the network's input, and the way back for its boxes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .pictures import BACKGROUND, Picture


@dataclass(frozen=True)
class Letterbox:
    """How a picture lies in the network's input: scaled by (x, y), then moved by (left, top) pixels."""

    scale_x: float
    scale_y: float
    left: int
    top: int
    width: int
    height: int

    @classmethod
    def fit(cls, *, width: int, height: int, input_width: int, input_height: int) -> "Letterbox":
        """Return the largest centred placement that keeps the picture's aspect (to a pixel)."""
        ratio = min(input_width / width, input_height / height)
        inner_width = min(input_width, max(1, round(width * ratio)))
        inner_height = min(input_height, max(1, round(height * ratio)))
        return cls(
            scale_x=inner_width / width,
            scale_y=inner_height / height,
            left=(input_width - inner_width) // 2,
            top=(input_height - inner_height) // 2,
            width=inner_width,
            height=inner_height,
        )

    def to_input(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Move boxes (n, 4) as left, top, right, bottom from picture pixels to input pixels."""
        return (boxes * self._scales + self._offsets).astype(np.float32)

    def to_picture(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Move boxes (n, 4) as left, top, right, bottom from input pixels to picture pixels."""
        return ((boxes - self._offsets) / self._scales).astype(np.float32)

    @property
    def _scales(self) -> NDArray[np.float64]:
        return np.array([self.scale_x, self.scale_y, self.scale_x, self.scale_y])

    @property
    def _offsets(self) -> NDArray[np.float64]:
        return np.array([self.left, self.top, self.left, self.top], dtype=np.float64)


def place(picture: Picture, *, input_width: int, input_height: int) -> tuple[Picture, Letterbox]:
    """Return the picture on a canvas of (input_height, input_width, 3), and how it lies there."""
    height, width = picture.shape[:2]
    letterbox = Letterbox.fit(width=width, height=height, input_width=input_width, input_height=input_height)
    canvas = np.full((input_height, input_width, 3), BACKGROUND, dtype=np.uint8)
    rows = slice(letterbox.top, letterbox.top + letterbox.height)
    columns = slice(letterbox.left, letterbox.left + letterbox.width)
    canvas[rows, columns] = resize(picture, width=letterbox.width, height=letterbox.height)
    return canvas, letterbox


def resize(picture: Picture, *, width: int, height: int) -> Picture:
    """Resize with an anti-aliasing bilinear filter, so that large photos shrink without moiré."""
    if picture.shape[:2] == (height, width):
        return picture
    image = Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.uint8)


def to_blob(canvas: Picture) -> NDArray[np.float32]:
    """Turn a canvas (height, width, 3) into the network's input (1, 3, height, width), values 0 to 1."""
    planes = np.ascontiguousarray(canvas.transpose(2, 0, 1)[None], dtype=np.float32)
    planes *= np.float32(1 / 255)
    return planes
