"""A test side whose answers are known: plain pictures, and a model that says the strongest colour."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image as Pillow

from pipeline_defs.classification.dataset import HEADER, IMAGES, VERSION, Image, file_sha256
from pipeline_defs.classification.label_map import FILE
from pipeline_defs.classification.recordio import Record, RecordWriter
from pipeline_defs.classification.settings import ClassificationSettings, label_map, settings_json
from pipeline_defs.common.documents import canonical_sha256

COLOURS = {"red": (230, 20, 20), "green": (20, 230, 20), "blue": (20, 20, 230)}


@dataclass(frozen=True)
class Shown:
    """A picture: its class in truth, and the colour that a tiny model sees."""

    class_name: str
    colour: str
    folder: str = "field"
    size: tuple[int, int] = (400, 300)


def jpeg(colour: str, number: int) -> bytes:
    """Plain, and each another file."""
    pixels = tuple(max(0, value - number % 20) for value in COLOURS[colour])
    buffer = io.BytesIO()
    Pillow.new("RGB", (48, 36), pixels).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def write_work(folder: Path, settings: ClassificationSettings, shown: Sequence[Shown]) -> Path:
    """Write settings.json, dataset/ and test/ as the jobs before leave them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.json").write_text(settings_json(settings), encoding="utf-8")
    sha256 = _write_dataset(folder / "dataset", settings, shown)
    test = folder / "test"
    test.mkdir()
    document = label_map(settings).document() | {"dataset_sha256": sha256}
    (test / FILE).write_text(json.dumps(document))
    with RecordWriter(test / "test.rec") as writer:
        for index, each in enumerate(shown):
            number = label_map(settings).class_numbers[each.class_name]
            writer.write(index, Record(float(number), index, jpeg(each.colour, index)))
    return folder


def _write_dataset(folder: Path, settings: ClassificationSettings, shown: Sequence[Shown]) -> str:
    folder.mkdir()
    lines = [_image(index, each, settings).line() for index, each in enumerate(shown)]
    (folder / IMAGES).write_bytes(b"".join(lines))
    header: Mapping[str, object] = {
        "version": VERSION, "model": settings.name, "task": "classification",
        "as_of": "2026-11-21T12:00:00Z", "classes": list(settings.classes),
        "labels": {label: list(classes) for label, classes in settings.labels.items()},
        "images": {"file": IMAGES, "sha256": file_sha256(folder / IMAGES), "count": len(shown)},
        "quarantine": {}, "report": {},
    }  # fmt: skip
    sha256 = canonical_sha256(header)
    (folder / HEADER).write_text(json.dumps({**header, "sha256": sha256}))
    return sha256


def _image(index: int, each: Shown, settings: ClassificationSettings) -> Image:
    name = f"{index:04d}"
    return Image(
        uri=f"s3://images/images/{settings.tree}/{each.folder}/{each.class_name}/{name}.jpg",
        version_id=f"v{index}",
        sha256=name * 16,
        size=1000,
        format="JPEG",
        width=each.size[0],
        height=each.size[1],
        class_name=each.class_name,
        label=settings.label_of()[each.class_name],
        dhash="0" * 16,
        group=name,
    )
