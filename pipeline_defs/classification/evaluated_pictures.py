"""The test side as evaluation reads it: each record, and what the data set says of its picture."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image

from inference.pictures import BadPicture, Picture, decode
from pipeline_defs.classification.dataset import Image, file_sha256, read_header, read_images
from pipeline_defs.classification.label_map import LabelMap
from pipeline_defs.classification.labeled_pictures import check_input_size, open_side
from pipeline_defs.classification.samples import LABELS_FILE
from pipeline_defs.classification.settings import ClassificationSettings
from pipeline_defs.common.job import JobError
from pipeline_defs.common.named import named


class TestSide:
    """The records of the test side, in their order, each with what the data set says of its picture.

    `indices` are the pictures' lines in images.jsonl, which their records are called by.
    """

    __test__ = False  # a name that pytest would take for tests

    def __init__(self, test: Path, dataset: Path, settings: ClassificationSettings) -> None:
        header = read_header(dataset)
        self.dataset = {"manifest_sha256": header.sha256, "as_of": str(header.document["as_of"])}
        side = open_side(test)
        self.label_map: LabelMap = side.label_map
        if side.labels != tuple(settings.labels):
            raise JobError(
                f"{test}: its labels are {named(side.labels)}, not those of the settings: "
                "split the records again"
            )
        if side.dataset_sha256 and side.dataset_sha256 != header.sha256:
            raise JobError(f"{test}: made from another data set than {dataset}")
        check_input_size(side, settings.input_size)
        _check_hash(test, side.reader.path)
        self._reader = side.reader
        if not len(self._reader):
            raise JobError(f"{test}: no picture to test on: there have to be more pictures")
        records = list(self._records())
        classes = [number for number, _ in records]
        self.indices = [index for _, index in records]
        self.images = _images(dataset, self.indices)
        self._check_classes(test, classes)
        self.truth = np.array(self.label_map.label_of_class, dtype=np.int64)[classes]

    def __len__(self) -> int:
        return len(self._reader)

    def jpeg(self, position: int) -> bytes:
        """Return the encoded picture."""
        return self._reader.read(position).payload

    def picture(self, position: int) -> Picture:
        """Decode it; RGB (height, width, 3)."""
        try:
            return decode(self.jpeg(position))
        except BadPicture as error:
            raise JobError(
                f"{self.images[position].uri}: its record is no picture: {error.reason}"
            ) from error

    def _check_classes(self, test: Path, classes: list[int]) -> None:
        """Compare each record's class with the data set's: a wrong one would count as the model's mistake."""
        for index, number, image in zip(self.indices, classes, self.images, strict=True):
            if self.label_map.class_numbers.get(image.class_name) != number:
                raise JobError(
                    f"{test}: record {index} is of class {number}, its picture {image.uri} of "
                    f"{image.class_name!r}: split the records again"
                )

    def _records(self) -> Iterator[tuple[int, int]]:
        for position in range(len(self._reader)):
            record = self._reader.read(position)
            yield int(_single(record.label)), int(record.id)


def _check_hash(test: Path, records: Path) -> None:
    """Compare the records with the hash that the split left beside them, if it did: the format has none."""
    path = test / LABELS_FILE
    if not path.is_file():
        return
    try:
        expected = json.loads(path.read_text(encoding="utf-8"))["records"]["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JobError(f"{path}: not the samples of a test side: {error!r}") from error
    if file_sha256(records) != expected:
        raise JobError(f"{records}: not the file that {LABELS_FILE} names (SHA-256 differs): split again")


def luminance(picture: Picture) -> tuple[float, float]:
    """Return the mean and the spread of a picture's luminance, 0 to 255, on a small copy of it."""
    small = PIL.Image.fromarray(picture).convert("L").resize((64, 64), PIL.Image.Resampling.BILINEAR)
    values = np.asarray(small, dtype=np.float64)
    return float(values.mean()), float(values.std())


def _single(label: object) -> float:
    return float(label[0] if isinstance(label, tuple) else label)  # type: ignore[arg-type]


def _images(dataset: Path, wanted: list[int]) -> list[Image]:
    """Read the lines of these numbers, in their order; the file may be far longer than the test side."""
    missing, found = set(wanted), {}
    try:
        for index, image in enumerate(read_images(dataset)):
            if index in missing:
                found[index] = image
    except (ValueError, KeyError, TypeError) as error:
        raise JobError(f"{dataset}: not the pictures of a data set: {error!r}") from error
    if len(found) != len(missing):
        raise JobError(f"{dataset}: the test side has pictures that it does not name: another data set?")
    return [found[index] for index in wanted]
