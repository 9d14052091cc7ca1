"""One side of a data set as training reads it: the records of a folder, decoded once where memory allows."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.centre_view import short_side
from inference.letterbox import resize
from inference.pictures import BadPicture, Picture, decode
from pipeline_defs.classification.label_map import FILE, LabelMap, LabelMapError, label_map_from
from pipeline_defs.classification.recordio import Record, RecordReader, index_of
from pipeline_defs.classification.sampling import choose_share
from pipeline_defs.common.job import JobError

# Some 14,000 pictures for an input of 224, 70,000 for one of 96; the others are decoded each time.
MAX_CACHED_BYTES = 3 * 1024**3


@dataclass(frozen=True)
class Side:
    """The folder of a side: its records, and the label map that says what their numbers are."""

    folder: Path
    reader: RecordReader
    label_map: LabelMap
    dataset_sha256: str
    input_size: int | None  # pixels: what the records were encoded for; None where nobody said it
    records_sha256: str  # of the index and the data set: whether these are the same records

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the labels in their order."""
        return self.label_map.labels


def open_side(folder: Path) -> Side:
    """Open the one .rec of a folder and its label map; raises JobError for what is missing or damaged."""
    found = sorted(folder.glob("*.rec"))
    if len(found) != 1:
        raise JobError(f"{folder}: {len(found)} .rec files, where one is read: give the folder of one side")
    path = folder / FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        label_map = label_map_from(document)
    except (OSError, ValueError, LabelMapError) as error:
        raise JobError(f"{path}: no label map ({error}): split the records again") from error
    index = index_of(found[0])
    reader = RecordReader(found[0])
    dataset_sha256 = str(document.get("dataset_sha256", ""))
    digest = hashlib.sha256(index.read_bytes() + dataset_sha256.encode()).hexdigest()
    return Side(folder, reader, label_map, dataset_sha256, document.get("input_size"), digest)


def check_input_size(side: Side, input_size: int) -> None:
    """Raise JobError where the records were encoded for another size: too small, or larger than needed."""
    if side.input_size not in (None, input_size):
        raise JobError(
            f"{side.folder}: records for an input_size of {side.input_size}, the settings have {input_size}: "
            "encode the pictures with these settings, write and split the records again"
        )


class LabeledPictures:
    """Pictures of a side with the numbers of their classes and the indices of their labels.

    They are scaled so that the short side is what evaluation sees. `positions` chooses some of the records.
    Threads may share one.
    """

    def __init__(self, side: Side, input_size: int, positions: NDArray[np.int64] | None = None) -> None:
        self._side = side
        self._input_size = input_size
        self._short_side = short_side(input_size)
        self._positions = np.arange(len(side.reader)) if positions is None else positions
        self._cache = _Cache()
        self.classes, self.ids = self._read_classes()
        self.labels = np.array(self.label_of_class, dtype=np.int64)[self.classes]

    @property
    def label_of_class(self) -> tuple[int, ...]:
        """Return the index of each class's label."""
        return self._side.label_map.label_of_class

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, index: int) -> Picture:
        """Return a picture (height, width, 3), RGB; raises JobError if it cannot be decoded."""
        cached = self._cache.pictures.get(index)
        if cached is not None:
            return cached
        picture = self._load(int(self._positions[index]))
        self._cache.keep(index, picture)
        return picture

    def counts(self) -> dict[str, int]:
        """Return how many pictures each label has."""
        counts = np.bincount(self.labels, minlength=len(self._side.labels))
        return {label: int(count) for label, count in zip(self._side.labels, counts, strict=True)}

    def share(self, share: float) -> "LabeledPictures":
        """Return a share of each class's pictures, the same whoever asks."""
        if share == 1:
            return self
        positions = self._positions[choose_share(self.classes, self.ids, share)]
        return LabeledPictures(self._side, self._input_size, positions)

    def _load(self, position: int) -> Picture:
        record = self._side.reader.read(position)
        try:
            picture = decode(record.payload)
        except BadPicture as error:
            raise JobError(f"{self._side.folder}: record {record.id}: {error.reason}") from error
        height, width = picture.shape[:2]
        scale = self._short_side / min(height, width)
        if scale == 1:
            return picture
        return resize(picture, width=max(1, round(width * scale)), height=max(1, round(height * scale)))

    def _read_classes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        classes = np.empty(len(self._positions), dtype=np.int64)
        ids = np.empty_like(classes)
        for index, position in enumerate(self._positions):
            record = self._side.reader.read(int(position))
            classes[index], ids[index] = self._class_number(record), record.id
        return classes, ids

    def _class_number(self, record: Record) -> int:
        number, count = record.label, len(self.label_of_class)
        if isinstance(number, float) and number.is_integer() and 0 <= number < count:
            return int(number)
        raise JobError(
            f"{self._side.folder}: record {record.id} has the label {number}, which is no number of "
            f"the {count} classes in {FILE}: split the records again"
        )


@dataclass
class _Cache:
    """Decoded pictures, up to MAX_CACHED_BYTES."""

    pictures: dict[int, Picture] = field(default_factory=dict)
    taken: int = 0

    def keep(self, index: int, picture: Picture) -> None:
        if index not in self.pictures and self.taken + picture.nbytes <= MAX_CACHED_BYTES:
            self.taken += picture.nbytes
            self.pictures[index] = picture
