"""A checked data set of small pictures on disk, as the data's check leaves it, and its model's settings."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from pipeline_defs.classification.dataset import HEADER, IMAGES, VERSION, Image, file_sha256
from pipeline_defs.classification.settings import ClassificationSettings, settings_json
from pipeline_defs.common.documents import canonical_sha256, write_json

SPECIES = ClassificationSettings(
    name="species",
    tree="species",
    labels={"flowers": ("tulip", "daffodil"), "mushroom": ("mushroom",)},
    source="s3://images/images/species/",
    children={"flowers": "flowers"},
    input_size=64,
)
FLOWERS = ClassificationSettings(
    name="flowers",
    tree="species",
    labels={"tulip": ("tulip",), "daffodil": ("daffodil",)},
    source="s3://images/images/species/",
    input_size=64,
)


def write_settings(path: Path, settings: ClassificationSettings) -> Path:
    path.write_text(settings_json(settings))
    return path


def draw(seed: int, size: tuple[int, int] = (90, 80)) -> bytes:
    """A JPEG like no other; width, height."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Pillow.fromarray(coarse).resize(size, Pillow.Resampling.BICUBIC).save(stream, "JPEG")
    return stream.getvalue()


def image_of(content: bytes, uri: str, class_name: str, label: str, group: str | None = None) -> Image:
    sha256 = hashlib.sha256(content).hexdigest()
    with Pillow.open(io.BytesIO(content)) as picture:
        width, height = picture.size
    return Image(
        uri=uri, version_id=None, sha256=sha256, size=len(content), format="JPEG", width=width,
        height=height, class_name=class_name, label=label, dhash="0" * 16, group=group or sha256,
    )  # fmt: skip


def draw_images(folder: Path, settings: ClassificationSettings, a_class: int = 4) -> list[Image]:
    """Write `a_class` pictures of each class below `folder`, and describe them."""
    images = []
    for number, (class_name, label) in enumerate(settings.label_of().items()):
        (folder / class_name).mkdir(parents=True, exist_ok=True)
        for seed in range(a_class):
            path = folder / class_name / f"{seed}.jpg"
            path.write_bytes(draw(1000 * number + seed))
            images.append(image_of(path.read_bytes(), path.as_uri(), class_name, label))
    return images


def write_dataset(folder: Path, settings: ClassificationSettings, images: Sequence[Image]) -> Path:
    """Write manifest.json and images.jsonl for these pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [image.line() for image in sorted(images, key=lambda image: image.sha256)]
    (folder / IMAGES).write_bytes(b"".join(lines))
    document = {
        "version": VERSION, "model": settings.name, "task": "classification", "as_of": "2026-11-21T12:00:00Z",
        "classes": list(settings.classes), "labels": {k: list(v) for k, v in settings.labels.items()},
        "images": {"file": IMAGES, "sha256": file_sha256(folder / IMAGES), "count": len(images)},
        "quarantine": {}, "report": {},
    }  # fmt: skip
    write_json(folder / HEADER, {**document, "sha256": canonical_sha256(document)})
    return folder


def relabelled(images: Sequence[Image], labels: Mapping[str, str]) -> list[Image]:
    """The pictures of these classes, under another model's labels."""
    return [replace(one, label=labels[one.class_name]) for one in images if one.class_name in labels]
