"""Accuracy by kinds of pictures, where a person would look for what a model is weak at."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline_defs.classification.dataset import Image

_SIZES = ((128, "below 128 px"), (256, "128 to 255 px"), (512, "256 to 511 px"), (1024, "512 to 1023 px"))
_BRIGHTNESS = ((60.0, "dark"), (110.0, "dim"), (170.0, "light"))  # of 255
_CONTRAST = ((25.0, "flat"), (60.0, "medium"))
_FOLDERS = 20
_OTHERS = "others"


def slices_report(
    images: Sequence[Image], light: Sequence[tuple[float, float]], correct: NDArray[np.bool_]
) -> dict[str, list[dict[str, Any]]]:
    """Return for each way of slicing the slices with their pictures and top-1.

    `light` is the mean and spread of each picture's luminance. A way that gives one slice is left out.
    """
    ways = {
        "short side": ([_size(image) for image in images], [name for _, name in _SIZES]),
        "brightness": ([_name(_BRIGHTNESS, mean, "bright") for mean, _ in light], ["dark", "dim", "light"]),
        "contrast": ([_name(_CONTRAST, spread, "strong") for _, spread in light], ["flat", "medium"]),
        "shape": ([_shape(image) for image in images], ["upright", "square"]),
        "format": ([image.format for image in images], []),
        "folder": (_folders(images), []),
    }
    slices = {way: _sliced(names, order, correct) for way, (names, order) in ways.items()}
    return {way: rows for way, rows in slices.items() if len(rows) > 1}


def _sliced(names: Sequence[str], order: Sequence[str], correct: NDArray[np.bool_]) -> list[dict[str, Any]]:
    found = np.array(names)
    rest = sorted(set(names) - set(order), key=lambda name: (name == _OTHERS, name))
    return [
        {"slice": name, "images": int(inside.sum()), "top1": float(correct[inside].mean())}
        for name in (*order, *rest)
        if (inside := found == name).any()
    ]


def _size(image: Image) -> str:
    return _name(_SIZES, min(image.width, image.height), "1024 px and more")


def _shape(image: Image) -> str:
    ratio = image.width / image.height
    return "upright" if ratio < 0.8 else "square" if ratio <= 1.25 else "wide"


def _name(edges: Sequence[tuple[float, str]], value: float, above: str) -> str:
    return next((name for edge, name in edges if value < edge), above)


def _folders(images: Sequence[Image]) -> list[str]:
    """Name the folder that each picture's class lies in; the rarer ones together."""
    folders = [_above_class(image) for image in images]
    often = {folder for folder, _ in Counter(folders).most_common(_FOLDERS)}
    return [folder if folder in often else _OTHERS for folder in folders]


def _above_class(image: Image) -> str:
    parts = image.uri.split("/")
    return parts[-3] if len(parts) > 2 else ""
