"""A data set made again from its manifest, byte for byte: the same pictures, boxes, sides and hash."""

import hashlib
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline_defs.common.documents import canonical_sha256, write_json
from pipeline_defs.common.job import JobError
from pipeline_defs.common.objects import Unavailable
from pipeline_defs.common.progress import Progress
from pipeline_defs.detection.dataset import IMAGES_FOLDER, Box, LabeledPicture, Split, write_labels
from pipeline_defs.detection.preparation import DOWNLOAD_THREADS, picture_file
from pipeline_defs.detection.split import SPLITS

_NAMED = 5


@dataclass(frozen=True)
class _Lost:
    uri: str
    reason: str


def read_manifest(content: bytes, uri: str) -> dict[str, Any]:
    """Read a data set manifest; raises JobError where it is none, or its hash is not that of its content."""
    try:
        document: dict[str, Any] = json.loads(content)
        recorded = document["sha256"]
        missing = {"model", "as_of", "classes", "images"} - document.keys()
    except (ValueError, KeyError, TypeError) as error:
        raise JobError(f"{uri}: not a data set manifest: {error!r}") from error
    if missing:
        raise JobError(f"{uri}: not a data set manifest: it has no {', '.join(sorted(missing))}")
    found = canonical_sha256({name: value for name, value in document.items() if name != "sha256"})
    if found != recorded:
        raise JobError(f"{uri}: its content has the SHA-256 {found}, but it says {recorded}: it was changed")
    return document


def recreate(manifest: Mapping[str, Any], fetch: Callable[[str], bytes], output: Path) -> str:
    """Write the manifest and the three splits as they were; return the manifest's SHA-256.

    `fetch` downloads a picture by its URI. Raises JobError naming pictures that are gone or were changed:
    a data set with other pictures would be another one.
    """
    for name in SPLITS:
        (output / name / IMAGES_FOLDER).mkdir(parents=True, exist_ok=True)
    progress = Progress(len(manifest["images"]))

    def one(image: Mapping[str, Any]) -> LabeledPicture | _Lost:
        try:
            return _write_picture(image, fetch(image["uri"]), output / image["split"])
        except Unavailable as error:
            return _Lost(image["uri"], str(error))
        finally:
            progress.advance()

    with ThreadPoolExecutor(DOWNLOAD_THREADS) as pool:
        results = list(pool.map(one, manifest["images"]))
    _refuse([result for result in results if isinstance(result, _Lost)], len(results))
    sha256, classes = str(manifest["sha256"]), tuple(manifest["classes"])
    for name in SPLITS:
        pictures = tuple(
            picture
            for image, picture in zip(manifest["images"], results, strict=True)
            if image["split"] == name and isinstance(picture, LabeledPicture)
        )
        write_labels(Split(output / name, classes, pictures, sha256))
    write_json(output / "dataset" / "manifest.json", manifest)
    return sha256


def _write_picture(image: Mapping[str, Any], content: bytes, directory: Path) -> LabeledPicture | _Lost:
    found = hashlib.sha256(content).hexdigest()
    if found != image["sha256"]:
        return _Lost(image["uri"], f"its SHA-256 is {found}, in the manifest {image['sha256']}")
    file = picture_file(image["sha256"], image["uri"])
    (directory / file).write_bytes(content)
    return LabeledPicture(
        file=file,
        sha256=image["sha256"],
        uri=image["uri"],
        width=image["width"],
        height=image["height"],
        group=image["group"],
        boxes=tuple(Box(**box) for box in image["boxes"]),
    )


def _refuse(lost: list[_Lost], total: int) -> None:
    if not lost:
        return
    named = "; ".join(f"{entry.uri} {entry.reason}" for entry in lost[:_NAMED])
    more = f"; and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
    raise JobError(
        f"{len(lost)} of {total} pictures are not those of the manifest: {named}{more}: "
        "restore them from the versions that the bucket keeps"
    )
