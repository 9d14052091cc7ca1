"""A data set made again from its manifest, byte for byte; with `pictures` also the files themselves."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline_defs.classification import dataset
from pipeline_defs.classification.dataset import Header, Image
from pipeline_defs.classification.examination import DOWNLOADS, Read
from pipeline_defs.classification.listing import Listed
from pipeline_defs.common.batches import in_batches
from pipeline_defs.common.documents import write_json
from pipeline_defs.common.job import JobError
from pipeline_defs.common.objects import Unavailable, download, fetch
from pipeline_defs.common.whole_output import whole_output

PICTURES_FOLDER = "pictures"
_SUFFIXES = {"JPEG": "jpg", "PNG": "png", "BMP": "bmp", "WEBP": "webp", "TIFF": "tif"}
_NAMED = 5


@dataclass(frozen=True)
class Comparison:
    """What every process is told; `pictures` is where the files go, None for nowhere."""

    read: Read
    pictures: Path | None
    downloads: int = DOWNLOADS

    def __call__(self, batch: list[Image]) -> list[str]:
        """Read pictures as they were; return what is wrong with those that are gone or others now."""
        if self.downloads == 1:
            return [found for image in batch if (found := self._compare(image))]
        with ThreadPoolExecutor(self.downloads) as pool:
            return [found for found in pool.map(self._compare, batch) if found]

    def _compare(self, image: Image) -> str:
        listed = Listed(image.uri, image.class_name, image.version_id, image.size)
        version = f" (version {image.version_id})" if image.version_id else ""
        try:
            content = self.read(listed, image.size).content
        except Unavailable as error:
            return f"{image.uri}{version} {error}"
        found = hashlib.sha256(content).hexdigest()
        if found != image.sha256:
            return f"{image.uri}{version} is another picture now, of the SHA-256 {found[:16]}…"
        if self.pictures is not None:
            folder = self.pictures / image.class_name
            folder.mkdir(exist_ok=True)
            (folder / picture_file(image)).write_bytes(content)
        return ""


def recreate(
    manifest_uri: str,
    output: Path,
    *,
    s3: Any,
    read: Read,
    model: str | None = None,
    with_pictures: bool = False,
    processes: int = 1,
    downloads: int = DOWNLOADS,
) -> Header:
    """Write `output`/dataset as it was, and the pictures to `output`/pictures/<class>/ if wanted.

    Raises JobError naming what is gone or was changed; then nothing is written.
    """
    with whole_output(output) as folder:
        made, pictures = folder / dataset.FOLDER, folder / PICTURES_FOLDER
        made.mkdir()
        if with_pictures:
            pictures.mkdir()
        header = _fetch_files(manifest_uri, made, s3, model)
        comparison = Comparison(read, pictures if with_pictures else None, downloads)
        _compare_all(made, header, comparison, processes)
    return header


def as_uri(place: str) -> str:
    """Return the URI of a manifest that was given as an S3 URI or as a file."""
    return place if place.startswith(("s3://", "file://")) else Path(place).resolve().as_uri()


def picture_file(image: Image) -> str:
    """Name a picture's file after its content."""
    return f"{image.sha256}.{_SUFFIXES[image.format]}"


def _fetch_files(manifest_uri: str, made: Path, s3: Any, model: str | None) -> Header:
    """Fetch the manifest and the files that lie beside it, each with the hash that it names."""
    try:
        header = dataset.parse_header(fetch(s3, manifest_uri), manifest_uri)
        if model is not None and header.model != model:
            raise JobError(f"{manifest_uri}: a data set of the model {header.model!r}, not of {model!r}")
        beside = manifest_uri.rpartition("/")[0]
        for part, name in dataset.FILES.items():
            if download(s3, f"{beside}/{name}", made / name) != header.document[part]["sha256"]:
                raise JobError(f"{beside}/{name}: not the file that the manifest names (SHA-256 differs)")
    except Unavailable as error:
        raise JobError(f"data set manifest {manifest_uri}: {error}") from error
    write_json(made / dataset.HEADER, header.document)
    return header


def _compare_all(made: Path, header: Header, comparison: Comparison, processes: int) -> None:
    named: list[str] = []
    lost = 0
    for found in in_batches(dataset.read_images(made), comparison, processes=processes):
        named, lost = (named + found)[:_NAMED], lost + len(found)
    if lost:
        more = f"; and {lost - _NAMED} more" if lost > _NAMED else ""
        raise JobError(
            f"{lost} of {header.count} pictures are not those of the manifest: {'; '.join(named)}{more}: "
            "restore them from a copy, or check the data anew"
        )
