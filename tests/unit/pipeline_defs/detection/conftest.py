"""A tiny data set: dark pictures with one bright rectangle each, the kind told by its shape."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline_defs.detection.dataset import Box, LabeledPicture, Split, write_labels

CLASSES = ("wide", "tall")


def draw(seed: int) -> tuple[bytes, Box]:
    rng = np.random.default_rng(seed)
    label, (width, height) = [("wide", (40, 20)), ("tall", (20, 40))][seed % 2]
    left, top = int(rng.integers(0, 96 - width)), int(rng.integers(0, 64 - height))
    pixels = rng.integers(0, 60, (64, 96, 3), dtype=np.uint8)
    pixels[top : top + height, left : left + width] += 180
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue(), Box(label, left, top, width, height)


def write_split(directory: Path, seeds: range) -> Split:
    (directory / "images").mkdir(parents=True)
    pictures = []
    for seed in seeds:
        content, box = draw(seed)
        sha256 = hashlib.sha256(content).hexdigest()
        file = f"images/{sha256[:16]}.png"
        (directory / file).write_bytes(content)
        pictures.append(
            LabeledPicture(
                file=file,
                sha256=sha256,
                uri=f"s3://bucket/images/m/{seed}.png",
                width=96,
                height=64,
                group=f"object-{seed}",
                boxes=(box,),
            )
        )
    split = Split(directory, CLASSES, tuple(pictures), dataset_sha256="cd" * 32)
    write_labels(split)
    return split


@pytest.fixture(scope="session")
def make_split() -> Callable[[Path, range], Split]:
    return write_split
