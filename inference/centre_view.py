"""What a classifier sees of a picture: its centre, at the network's input size."""

import numpy as np
from PIL import Image

from .pictures import Picture

# A network of 224 pixels looks at the centre of a picture whose short side is 256, and others in proportion.
_BORDER_SHARE = 1 / 14  # of the input, on either side


def short_side(input_size: int) -> int:
    """Return the short side, in pixels, that pictures are scaled to before their centre is taken.

    The borders are whole pixels: with half ones, what was scaled before would show another picture.
    """
    return input_size + 2 * round(input_size * _BORDER_SHARE)


def centre_view(picture: Picture, input_size: int) -> Picture:
    """Return the centre (input_size, input_size, 3) of a picture scaled to that short side.

    The centre is cut before it is scaled: a strip of a million pixels by one would not fit in memory scaled.
    A picture that has the short side already is not resampled.
    """
    height, width = picture.shape[:2]
    side = min(height, width) * input_size / short_side(input_size)
    left, top = (width - side) / 2, (height - side) / 2
    if side == input_size:
        rows, columns = int(top), int(left)
        return picture[rows : rows + input_size, columns : columns + input_size]
    box = (left, top, left + side, top + side)
    view = Image.fromarray(picture).resize((input_size, input_size), Image.Resampling.BILINEAR, box=box)
    return np.asarray(view, dtype=np.uint8)
