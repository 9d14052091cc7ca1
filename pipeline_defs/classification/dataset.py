"""A checked data set on disk, as every later job reads it: `manifest.json`, and a line a picture beside it."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline_defs.common.documents import canonical_sha256
from pipeline_defs.common.job import JobError

MANIFEST_FILE = "manifest.json"
IMAGES_FILE = "images.jsonl"
VERSION = 2


@dataclass(frozen=True)
class Header:
    """What manifest.json says of a data set; `sha256` stands for all of it, its pictures included."""

    model: str
    classes: tuple[str, ...]
    labels: tuple[str, ...]
    as_of: str
    images: int
    images_sha256: str  # of the file of lines
    sha256: str


@dataclass(frozen=True)
class Image:
    """A picture of a data set; its near-duplicates, of its class all, have the same `group`.

    `width` and `height` are those of the upright picture; `version_id` is None where there are no versions.
    """

    uri: str
    version_id: str | None
    sha256: str
    bytes: int
    format: str
    width: int
    height: int
    class_name: str
    label: str
    dhash: str
    group: str


def read_header(folder: Path) -> Header:
    """Read manifest.json, and hash the lines that it names.

    Raises JobError where a file is missing, is not a data set's, was changed or cut off, or has no picture.
    """
    path = folder / MANIFEST_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        header = _header(document)
    except OSError as error:
        raise JobError(f"{path}: cannot be read ({error.strerror}): check the data first") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise JobError(f"{path}: not the manifest of a checked data set: {error!r}") from error
    found = canonical_sha256({name: value for name, value in document.items() if name != "sha256"})
    if found != header.sha256:
        raise JobError(
            f"{path}: its content has the SHA-256 {found}, but it says {header.sha256}: it was changed"
        )
    _check_lines(folder / IMAGES_FILE, header)
    return header


def read_images(folder: Path) -> Iterator[Image]:
    """Yield the pictures in the order of their hashes; raises JobError naming the line that is none."""
    path = folder / IMAGES_FILE
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                fields = json.loads(line)
                yield Image(class_name=fields.pop("class"), **fields)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise JobError(f"{path}, line {number}: not a picture of a data set: {error!r}") from error


def _header(document: dict[str, Any]) -> Header:
    if (document["version"], document["task"]) != (VERSION, "classification"):
        raise ValueError(f"version {document['version']}, task {document['task']}")
    return Header(
        model=document["model"],
        classes=tuple(document["classes"]),
        labels=tuple(document["labels"]),
        as_of=document["as_of"],
        images=int(document["images"]["count"]),
        images_sha256=document["images"]["sha256"],
        sha256=document["sha256"],
    )


def _check_lines(path: Path, header: Header) -> None:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise JobError(f"{path}: cannot be read ({error.strerror}): it lies beside the manifest") from error
    if found != header.images_sha256:
        raise JobError(f"{path}: not the pictures of {MANIFEST_FILE} (SHA-256 {found}): changed, or cut off")
    if not header.images:
        raise JobError(f"{path}: no picture in this data set: see report.json for what became of them")
