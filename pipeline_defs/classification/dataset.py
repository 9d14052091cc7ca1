"""A checked data set on disk: a small header, and a line for each picture, sorted by SHA-256.

`manifest.json` names the other files with their hashes, so its own hash stands for the whole version.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline_defs.common.documents import canonical_sha256
from pipeline_defs.common.job import JobError

FOLDER = "dataset"
HEADER, IMAGES, QUARANTINE, REPORT = "manifest.json", "images.jsonl", "quarantine.jsonl", "report.json"
FILES = {"images": IMAGES, "quarantine": QUARANTINE, "report": REPORT}  # as the header calls them
VERSION = 2
_NEEDED = frozenset({"model", "task", "as_of", "classes", "labels", "images", "quarantine", "report"})


@dataclass(frozen=True, slots=True)
class Image:
    """A picture of the data set: what `version_id` names has this hash; sizes in pixels, upright.

    Pictures of one `group` are nearly the same; they belong on one side of a split.
    """

    uri: str
    version_id: str | None
    sha256: str
    size: int  # bytes of the file
    format: str
    width: int
    height: int
    class_name: str
    label: str
    dhash: str
    group: str

    def line(self) -> bytes:
        """Return its line of images.jsonl."""
        document = {
            "uri": self.uri, "version_id": self.version_id, "sha256": self.sha256, "bytes": self.size,
            "format": self.format, "width": self.width, "height": self.height, "class": self.class_name,
            "label": self.label, "dhash": self.dhash, "group": self.group,
        }  # fmt: skip
        return json.dumps(document, separators=(",", ":")).encode("ascii") + b"\n"

    @classmethod
    def parse(cls, line: bytes | str) -> "Image":
        """Read a line of images.jsonl; raises ValueError, KeyError or TypeError for another one."""
        values = json.loads(line)
        return cls(class_name=values.pop("class"), size=values.pop("bytes"), **values)


@dataclass(frozen=True)
class Header:
    """What manifest.json says; `document` is all of it."""

    document: Mapping[str, Any]

    @property
    def model(self) -> str:
        """The model that the data set was made for."""
        return str(self.document["model"])

    @property
    def sha256(self) -> str:
        """The hash of the version."""
        return str(self.document["sha256"])

    @property
    def count(self) -> int:
        """How many pictures it has."""
        return int(self.document["images"]["count"])

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """Each label's classes, in the model's order."""
        return {label: tuple(classes) for label, classes in self.document["labels"].items()}


def parse_header(content: bytes, uri: str) -> Header:
    """Read a manifest.json; raises JobError where it is none, or its hash is not that of its content."""
    try:
        document = json.loads(content)
        recorded, version = document["sha256"], document["version"]
        missing = _NEEDED - document.keys()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise JobError(f"{uri}: not a data set manifest: {error!r}") from error
    if version != VERSION or missing:
        raise JobError(f"{uri}: not the manifest of a classification data set (version {VERSION})")
    found = canonical_sha256({name: value for name, value in document.items() if name != "sha256"})
    if found != recorded:
        raise JobError(f"{uri}: its content has the SHA-256 {found}, but it says {recorded}: it was changed")
    return Header(document)


def read_header(folder: Path) -> Header:
    """Read the header of the data set in `folder`; raises JobError where a file is not the listed one."""
    path = folder / HEADER
    try:
        header = parse_header(path.read_bytes(), str(path))
        found = file_sha256(folder / IMAGES)
    except OSError as error:
        raise JobError(
            f"{error.filename}: cannot be read ({error.strerror}): was the data checked?"
        ) from error
    if found != header.document["images"]["sha256"]:
        raise JobError(f"{folder / IMAGES}: not the file that {HEADER} names (SHA-256 differs)")
    return header


def read_images(folder: Path) -> Iterator[Image]:
    """Give the pictures one after the other, by SHA-256; `read_header` has compared the file's hash."""
    with (folder / IMAGES).open("rb") as lines:
        yield from map(Image.parse, lines)


def file_sha256(path: Path) -> str:
    """Hash a file of any size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
