"""A prepared split on disk: pictures beside their labels."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.pictures import BadPicture, Picture, decode
from pipeline_defs.common.job import JobError

LABELS_FILE = "labels.json"
IMAGES_FOLDER = "images"


@dataclass(frozen=True)
class Box:
    """A labelled object in pixels of the upright picture."""

    label: str
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class LabeledPicture:
    """A picture of a split; `file` is relative to the split's folder."""

    file: str
    sha256: str
    uri: str
    width: int
    height: int
    group: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Split:
    """One side of a data set: `train`, `validation` or `test`."""

    directory: Path
    classes: tuple[str, ...]
    pictures: tuple[LabeledPicture, ...]
    dataset_sha256: str

    def content(self, picture: LabeledPicture) -> bytes:
        """Read a picture's file; raises JobError if it is not the one that was labelled."""
        path = self.directory / picture.file
        try:
            content = path.read_bytes()
        except OSError as error:
            raise JobError(f"{path}: named in {LABELS_FILE}, but cannot be read: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != picture.sha256:
            raise JobError(f"{path}: its bytes are not those that were labelled (SHA-256 differs)")
        return content

    def load(self, picture: LabeledPicture) -> Picture:
        """Decode a picture, RGB (height, width, 3)."""
        try:
            return decode(self.content(picture))
        except BadPicture as error:
            raise JobError(f"{self.directory / picture.file}: {error.reason}") from error

    def targets(self, picture: LabeledPicture) -> NDArray[np.float32]:
        """Return the boxes (n, 5) as class index, left, top, right, bottom in picture pixels."""
        rows = [
            (self.classes.index(b.label), b.left, b.top, b.left + b.width, b.top + b.height)
            for b in picture.boxes
        ]
        return np.array(rows, dtype=np.float32).reshape(-1, 5)


def read_split(directory: Path) -> Split:
    """Read a split's labels; raises JobError if they are missing, malformed or empty."""
    path = directory / LABELS_FILE
    try:
        document = json.loads(path.read_text())
        split = _parse_split(directory, document)
    except OSError as error:
        raise JobError(f"{path}: cannot be read ({error.strerror}): was the data set prepared?") from error
    except (ValueError, KeyError, TypeError) as error:
        raise JobError(f"{path}: not the labels of a prepared split: {error!r}") from error
    if not split.pictures:
        raise JobError(f"{path}: no picture in this split: add labelled pictures of more objects")
    _check_classes(split, path)
    return split


def write_labels(split: Split) -> None:
    """Write a split's labels file into its directory."""
    split.directory.mkdir(parents=True, exist_ok=True)
    document = {
        "classes": list(split.classes),
        "dataset_sha256": split.dataset_sha256,
        "images": [asdict(picture) for picture in split.pictures],
    }
    (split.directory / LABELS_FILE).write_text(json.dumps(document, indent=1))


def _parse_split(directory: Path, document: dict[str, Any]) -> Split:
    pictures = tuple(
        LabeledPicture(**{**row, "boxes": tuple(Box(**box) for box in row["boxes"])})
        for row in document["images"]
    )
    return Split(
        directory=directory,
        classes=tuple(document["classes"]),
        pictures=pictures,
        dataset_sha256=document.get("dataset_sha256", ""),
    )


def _check_classes(split: Split, path: Path) -> None:
    unknown = {box.label for picture in split.pictures for box in picture.boxes} - set(split.classes)
    if unknown:
        raise JobError(f"{path}: labels {sorted(unknown)} are not among the classes {list(split.classes)}")
