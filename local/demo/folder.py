"""The pictures of a folder, each measured: sizes, content hash, and whether it can be read at all."""

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from inference.pictures import BadPicture, decode
from local.demo.batch import BadInput, SetAside

EXTENSIONS = frozenset(
    (
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".bmp",
        ".dib",
        ".webp",
        ".tif",
        ".tiff",
        ".gif",
        ".heic",
        ".avif",
    )
)
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"GIF8", b"II*\x00", b"MM\x00*")
_EXIF_ORIENTATION = 0x0112

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class PictureFile:
    """A file that is, or claims to be, a picture."""

    name: str
    path: Path
    sha256: str
    width: int = 0  # upright
    height: int = 0
    raw_width: int = 0  # as stored, before the EXIF orientation turns it
    raw_height: int = 0
    orientation: int = 1  # EXIF, 1 to 8
    problem: str | None = None


def read_folder(
    folder: Path, *, ignore: Path | None = None, progress: Progress | None = None
) -> tuple[list[PictureFile], list[SetAside]]:
    """Measure every picture below `folder`, in the order of their names; the rest is set aside by name.

    `ignore` is a file that may lie in the folder and is no picture (the labels). Raises BadInput where there
    is no such folder, or no picture in it.
    """
    files, others = _sort_out(folder, ignore)
    if not files:
        raise BadInput(f"{folder}: no picture in this folder; give a folder with JPEG or PNG pictures")
    pictures = []
    for number, path in enumerate(files, start=1):
        pictures.append(measure(path, path.relative_to(folder).as_posix()))
        if progress is not None:
            progress(number, len(files))
    return pictures, others


def measure(path: Path, name: str) -> PictureFile:
    """Read one file whole; a file that is no usable picture comes back with its `problem`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return PictureFile(name, path, "", problem=f"cannot be read: {error.strerror or error}")
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        height, width = decode(content).shape[:2]
    except BadPicture as error:
        return PictureFile(name, path, sha256, problem=error.reason)
    raw_width, raw_height, orientation = _stored_form(content)
    return PictureFile(name, path, sha256, width, height, raw_width, raw_height, orientation)


def _stored_form(content: bytes) -> tuple[int, int, int]:
    with Image.open(io.BytesIO(content)) as image:
        try:
            orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
        except (OSError, SyntaxError, ValueError):  # as the decoder: unreadable EXIF turns nothing
            orientation = 1
        return image.width, image.height, orientation if isinstance(orientation, int) else 1


def _sort_out(folder: Path, ignore: Path | None) -> tuple[list[Path], list[SetAside]]:
    pictures: list[Path] = []
    others: list[SetAside] = []
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        if ignore is not None and path.resolve() == ignore.resolve():
            continue
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            others.append(SetAside(name, "hidden file"))
        elif path.suffix.lower() in EXTENSIONS or _looks_like_a_picture(path):
            pictures.append(path)
        else:
            others.append(SetAside(name, "not a picture"))
    return pictures, others


def _files(folder: Path) -> Iterator[Path]:
    if not folder.exists():
        raise BadInput(f"{folder}: there is no such folder; give the folder that holds the pictures")
    if not folder.is_dir():
        raise BadInput(f"{folder}: a file, not a folder; give the folder that holds the pictures")
    try:
        os.listdir(folder)
    except OSError as error:
        raise BadInput(f"{folder}: cannot be read: {error.strerror}; check its permissions") from error
    for directory, subfolders, names in os.walk(folder):
        subfolders.sort()
        for name in sorted(names):
            path = Path(directory, name)
            if path.is_file() or path.is_symlink():  # a broken link is named, a pipe is left alone
                yield path


def _looks_like_a_picture(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        return False
    return head.startswith(_SIGNATURES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
