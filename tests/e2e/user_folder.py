"""A user's folder with COCO labels, and in it every kind of bad input that the line has to cope with."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from local.demo.boxes import Box
from local.demo.synthetic import SyntheticPicture, training_pictures

_EXIF_ORIENTATION = 0x0112
_TURN_RIGHT = 6  # EXIF: to be shown turned by 90 degrees clockwise
_UNKNOWN_CATEGORY = 99


@dataclass
class UserFolder:
    """The folder, its label file, and what has to become of the pictures that are not as all the others."""

    images: Path
    labels: Path
    usable: dict[str, tuple[int, int]] = field(default_factory=dict)  # name: upright width and height
    unusable: dict[str, str] = field(default_factory=dict)  # name: what the reason has to speak of
    turned: str = ""  # the picture that EXIF turns
    turned_boxes: tuple[Box, ...] = ()  # upright


def write_user_folder(where: Path, *, ordinary: int, seed: int = 3) -> UserFolder:
    """Write `ordinary` pictures and one of each other kind, with their labels, below `where`."""
    folder = UserFolder(where / "images", where / "labels.coco.json")
    folder.images.mkdir(parents=True)
    drawn = list(training_pictures(seed, ordinary + 40))
    scratched = [picture for picture in drawn[ordinary:] if picture.boxes]
    document: dict[str, Any] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 1, "name": "scratch"}],
    }
    writer = _Writer(folder, document)
    for picture in drawn[:ordinary]:
        writer.put(picture.name, picture.encoded(), picture)
    _usable_ones(writer, scratched)
    _unusable_ones(writer, scratched[4:])
    folder.labels.write_text(json.dumps(document), encoding="utf-8")
    return folder


class _Writer:
    def __init__(self, folder: UserFolder, document: dict[str, Any]) -> None:
        self.folder, self._document = folder, document

    def put(self, name: str, content: bytes | None, picture: SyntheticPicture, *, category: int = 1) -> None:
        """Write a picture, unless there is to be none, and its label."""
        if content is not None:
            (self.folder.images / name).write_bytes(content)
        self.label(name, picture, picture.boxes, category=category)

    def label(self, name: str, picture: SyntheticPicture, boxes: Sequence[Box], *, category: int = 1) -> None:
        height, width = picture.pixels.shape
        images, annotations = self._document["images"], self._document["annotations"]
        number = len(images) + 1
        images.append(
            {"id": number, "file_name": name, "width": width, "height": height, "group": picture.group}
        )
        for box in boxes:
            corners = [box.left, box.top, box.width, box.height]
            annotations.append(
                {"id": len(annotations) + 1, "image_id": number, "category_id": category, "bbox": corners}
            )


def _usable_ones(writer: _Writer, scratched: Sequence[SyntheticPicture]) -> None:
    gray, alpha, print_colours, sideways = scratched[:4]
    writer.put("gray.png", _encoded(_image(gray), "PNG"), gray)
    writer.put("alpha.png", _encoded(_image(alpha).convert("RGBA"), "PNG"), alpha)
    writer.put("cmyk.jpg", _encoded(_image(print_colours).convert("CMYK"), "JPEG"), print_colours)
    exif = Image.Exif()
    exif[_EXIF_ORIENTATION] = _TURN_RIGHT
    stored = Image.fromarray(np.rot90(sideways.pixels))  # turned left, so that the turn right sets it upright
    writer.put("sideways.jpg", _encoded(stored, "JPEG", exif=exif), sideways)
    kinds = zip(("gray.png", "alpha.png", "cmyk.jpg", "sideways.jpg"), scratched[:4], strict=True)
    writer.folder.usable = {name: picture.pixels.shape[::-1] for name, picture in kinds}
    writer.folder.turned, writer.folder.turned_boxes = "sideways.jpg", sideways.boxes


def _unusable_ones(writer: _Writer, scratched: Sequence[SyntheticPicture]) -> None:
    cut, twin, outside, unknown, missing = scratched[:5]
    whole = _encoded(_image(cut), "JPEG")
    writer.put("cut.jpg", whole[: len(whole) // 2], cut)
    writer.put("noise.png", b"no picture at all " * 100, cut)
    writer.put("empty.jpg", b"", cut)
    writer.put("twin-1.png", _encoded(_image(twin), "PNG"), twin)
    writer.put("twin-2.png", _encoded(_image(twin), "PNG"), twin)
    (writer.folder.images / "outside.png").write_bytes(_encoded(_image(outside), "PNG"))
    width = outside.pixels.shape[1]
    writer.label("outside.png", outside, [Box("scratch", width + 40.0, 10.0, 30.0, 12.0)])
    writer.put("unknown.png", _encoded(_image(unknown), "PNG"), unknown, category=_UNKNOWN_CATEGORY)
    writer.put("missing.png", None, missing)
    (writer.folder.images / "unlabeled.png").write_bytes(_encoded(_image(missing), "PNG"))
    (writer.folder.images / "notes.txt").write_text("taken on a Tuesday", encoding="utf-8")
    writer.folder.unusable = {
        "cut.jpg": "truncated.* cut off",  # the folder's reader says the one, the labeling the other
        "noise.png": "not a JPEG, PNG",
        "empty.jpg": "the file is empty",
        "twin-2.png": "same bytes as twin-1.png",
        "outside.png": "outside the picture",
        "unknown.png": f"unknown category id {_UNKNOWN_CATEGORY}",
        "missing.png": "it is not in the folder",
        "unlabeled.png": "it has no label",
        "notes.txt": "not a picture",
    }


def _image(picture: SyntheticPicture) -> Image.Image:
    return Image.fromarray(picture.pixels)


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
