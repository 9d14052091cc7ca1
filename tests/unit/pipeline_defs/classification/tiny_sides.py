"""A tiny side of a data set: noisy pictures of one colour each, as records, and how one trains on it."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline_defs.classification.label_map import FILE
from pipeline_defs.classification.recordio import Record, RecordWriter
from pipeline_defs.classification.settings import ClassificationSettings, label_map, settings_json

COLOURS = {"red": (200, 60, 60), "green": (60, 200, 60), "blue": (60, 60, 200)}
SIZE = 32
DATASET_SHA256 = "cd" * 32


def tiny_settings(labels: Sequence[str] = tuple(COLOURS), **values: object) -> ClassificationSettings:
    given = {"tree": "colours", "source": "s3://images/colours/", "input_size": SIZE, "epochs": 2, **values}
    return ClassificationSettings(name="colours", labels={label: (label,) for label in labels}, **given)


def tiny_parent() -> ClassificationSettings:
    """Two labels, one of them a group of two classes."""
    settings = tiny_settings()
    return replace(settings, labels={"warm": ("red", "green"), "blue": ("blue",)}, children={"warm": "warm"})


def write_settings(folder: Path, settings: ClassificationSettings) -> Path:
    path = folder / "settings.json"
    path.write_text(settings_json(settings), encoding="utf-8")
    return path


def draw(colour: tuple[int, int, int], seed: int, size: tuple[int, int] = (48, 37)) -> bytes:
    noise = np.random.default_rng(seed).integers(-50, 50, (size[1], size[0], 3))
    buffer = io.BytesIO()
    pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def write_side(
    folder: Path, counts: Mapping[str, int], *, settings: ClassificationSettings | None = None
) -> Path:
    """Write so many pictures of each colour, and the label map with all the labels."""
    folder.mkdir(parents=True)
    labels = label_map(settings or tiny_settings())
    document = labels.document() | {"dataset_sha256": DATASET_SHA256}
    (folder / FILE).write_text(json.dumps(document))
    with RecordWriter(folder / f"{folder.name}.rec") as writer:
        identifier = 0
        for colour, count in counts.items():
            for _ in range(count):
                payload = draw(COLOURS[colour], identifier)
                number = labels.class_numbers[colour]
                writer.write(identifier, Record(float(number), identifier, payload))
                identifier += 1
    return folder


def arguments(folder: Path, model: str, *more: str) -> list[str]:
    return [
        f"--settings={folder / 'settings.json'}",
        f"--train={folder / 'train'}",
        f"--model-dir={folder / model}",
        "--seed=7",
        "--batch-size=8",
        "--width=4",
        "--threads=1",
        *more,
    ]


def model_bytes(folder: Path, model: str) -> bytes:
    return (folder / model / "model.onnx").read_bytes()
