"""A few pictures of the test side as they were photographed: endpoints are asked with them."""

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipeline_defs.classification.checked_pictures import fetch_checked
from pipeline_defs.classification.dataset import Image, file_sha256
from pipeline_defs.common.documents import write_json
from pipeline_defs.common.job import JobError
from pipeline_defs.common.objects import Unavailable

LABELS_FILE = "labels.json"
SAMPLES = 20
MAX_BYTES = 4_000_000  # a serverless endpoint takes 4 MB
_FETCHES = 8
_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "BMP": ".bmp", "WEBP": ".webp", "TIFF": ".tif"}


class Samples:
    """Chooses up to SAMPLES pictures, of all labels in turn, the first that it is told of."""

    def __init__(self) -> None:
        self._by_label: dict[str, list[Image]] = defaultdict(list)

    def consider(self, image: Image) -> None:
        """Take a picture into account; one that is too large for an endpoint is passed over."""
        if image.size <= MAX_BYTES and len(self._by_label[image.label]) < SAMPLES:
            self._by_label[image.label].append(image)

    def chosen(self) -> list[Image]:
        """Return the chosen ones; raises JobError if every picture was too large."""
        chosen = [image for _, image in zip(range(SAMPLES), self._in_turn(), strict=False)]
        if not chosen:
            raise JobError(
                f"no picture of the test side has {MAX_BYTES} bytes or less, and endpoints take no others: "
                "set max_bytes of the model's quality table"
            )
        return chosen

    def _in_turn(self) -> Iterator[Image]:
        for turn in range(SAMPLES):
            for _, images in sorted(self._by_label.items()):
                yield from images[turn : turn + 1]


def write_samples(
    folder: Path, images: list[Image], *, labels: tuple[str, ...], dataset_sha256: str, records: Path
) -> None:
    """Write the pictures' files and labels.json into the test side's folder.

    Raises JobError naming those that cannot be had as they were checked.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)

    def write(image: Image) -> str | None:
        try:
            (folder / _file(image)).write_bytes(fetch_checked(image))
        except Unavailable as error:
            return f"{image.uri}: {error}"
        return None

    with ThreadPoolExecutor(_FETCHES) as pool:
        lost = [reason for reason in pool.map(write, images) if reason is not None]
    if lost:
        raise JobError(f"{len(lost)} sample pictures of the test side cannot be had: {'; '.join(lost[:5])}")
    document = {
        "classes": list(labels),
        "dataset_sha256": dataset_sha256,
        "records": {"file": records.name, "sha256": file_sha256(records)},
        "images": [_described(image) for image in images],
    }
    write_json(folder / LABELS_FILE, document)


def _file(image: Image) -> str:
    return f"images/{image.sha256[:16]}{_SUFFIXES.get(image.format, '.img')}"


def _described(image: Image) -> dict[str, object]:
    return {
        "file": _file(image),
        "sha256": image.sha256,
        "uri": image.uri,
        "width": image.width,
        "height": image.height,
        "label": image.label,
        "class": image.class_name,
    }
