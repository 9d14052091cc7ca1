"""The pictures of benchmarks/data_qa.py, each after its number: nothing is downloaded, nothing kept."""

import io

import numpy as np
import simplejpeg
from PIL import Image

CLASSES = tuple(f"class-{number:02}" for number in range(10))
LARGEST = 20_000  # bytes of a picture


def photograph(number: int) -> bytes:
    """A JPEG of 224 pixels a side with as much noise as fills 14 to 20 KB; no two are alike."""
    random = np.random.default_rng(number)
    noise = random.integers(-12, 13, (224, 224, 1), dtype=np.int16)
    pixels = np.clip(_scene(number, 224, 224).astype(np.int16) + noise, 0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=85)
    assert len(stream.getvalue()) <= LARGEST
    return stream.getvalue()


def thumbnail(number: int) -> bytes:
    """One of a million small JPEGs: of a hundred, two are copies, two nearly the same, one is damaged."""
    place = number % 100
    if place == 1:
        return _encoded(number - 1, 80)
    if place == 2:
        return _encoded(number - 2, 60)
    whole = _encoded(number, 80)
    return whole[: len(whole) // 2] if place == 3 else whole


def class_of(number: int) -> str:
    """Copies lie in one class."""
    return CLASSES[number // 100 % len(CLASSES)]


def _encoded(number: int, quality: int) -> bytes:
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(_scene(number, 48, 40)), quality=quality))


def _scene(number: int, width: int, height: int) -> np.ndarray:
    coarse = np.random.default_rng(number).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR))
