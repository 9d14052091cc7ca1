"""Encoded pictures in order, in plain tar files, `pictures-00000.tar` …, which `encoding.json` counts."""

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pipeline_defs.common.documents import write_json
from pipeline_defs.common.job import JobError

SHARD_BYTES = 256 * 1024**2  # of a file at most
INDEX_FILE = "encoding.json"
_BLOCK = tarfile.BLOCKSIZE
_END = tarfile.RECORDSIZE  # what tar fills a file up to
_JPEG_ENDS = (b"\xff\xd8", b"\xff\xd9")


class ShardWriter:
    """Writes pictures in their order; `with` it, and `finish` when all are there: only then they are read."""

    def __init__(self, folder: Path, *, shard_bytes: int = SHARD_BYTES) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / INDEX_FILE).unlink(missing_ok=True)
        self._folder, self._shard_bytes = folder, shard_bytes
        self._shards: list[dict[str, Any]] = []
        self._tar: tarfile.TarFile | None = None
        self._count = 0

    def add(self, jpeg: bytes) -> None:
        """Append the next picture."""
        tar = self._tar_for(_size(jpeg))
        member = tarfile.TarInfo(member_name(self._count))
        member.size = len(jpeg)
        tar.addfile(member, io.BytesIO(jpeg))
        self._shards[-1]["images"] += 1
        self._count += 1

    def finish(self, described: Mapping[str, object]) -> None:
        """Close the last shard and write the index, which `described` goes into."""
        self._close()
        write_json(self._folder / INDEX_FILE, {**described, "images": self._count, "shards": self._shards})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _tar_for(self, size: int) -> tarfile.TarFile:
        if self._tar is not None and self._tar.offset + size + 2 * _BLOCK + _END <= self._shard_bytes:
            return self._tar
        self._close()
        name = f"pictures-{len(self._shards):05}.tar"
        self._tar = tarfile.open(self._folder / name, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        self._shards.append({"file": name, "images": 0})
        return self._tar

    def _close(self) -> None:
        if self._tar is not None:
            self._tar.close()
            shard, self._tar = self._shards[-1], None
            shard["bytes"] = (self._folder / shard["file"]).stat().st_size


def read_shards(folder: Path, *, dataset_sha256: str, images: int, short_side: int) -> Iterator[bytes]:
    """Yield the pictures of a data set, of this short side (pixels) or smaller, in their order.

    Raises JobError, before the first, where the index is missing, is another data set's, or a file is not as
    long as it says; and at a picture that is not what it should be.
    """
    index = _read_index(folder / INDEX_FILE)
    if (index["dataset_sha256"], index["images"]) != (dataset_sha256, images):
        raise JobError(
            f"{folder / INDEX_FILE}: {index['images']} pictures of the data set {index['dataset_sha256']}, "
            f"not {images} of {dataset_sha256}: encode this data set"
        )
    found = index["encoder"]["short_side"]
    if found != short_side:
        raise JobError(
            f"{folder / INDEX_FILE}: pictures with a short side of {found} pixels, where this input_size "
            f"takes {short_side}: encode them again with these settings"
        )
    for shard in index["shards"]:
        _check_length(folder / shard["file"], shard["bytes"])
    first = 0
    for shard in index["shards"]:
        yield from _read_shard(folder / shard["file"], first, shard["images"])
        first += shard["images"]


def member_name(number: int) -> str:
    """Name a picture in its tar file, after its place in images.jsonl."""
    return f"{number:09}.jpg"


def _read_index(path: Path) -> dict[str, Any]:
    try:
        index: dict[str, Any] = json.loads(path.read_text())
        counted = sum(shard["images"] for shard in index["shards"])
        if counted != index["images"] or not all(
            {"file", "bytes"} <= shard.keys() for shard in index["shards"]
        ):
            raise ValueError(f"its shards have {counted} pictures, not {index['images']}")
        _ = index["dataset_sha256"], index["encoder"]["short_side"]
    except OSError as error:
        raise JobError(
            f"{path}: cannot be read ({error.strerror}): encode the pictures to the end"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise JobError(f"{path}: not the index of encoded pictures: {error!r}") from error
    return index


def _check_length(path: Path, expected: int) -> None:
    try:
        found = path.stat().st_size
    except OSError as error:
        raise JobError(f"{path}: named in {INDEX_FILE}, but cannot be read: {error.strerror}") from error
    if found != expected:
        raise JobError(f"{path}: {found} bytes, in {INDEX_FILE} {expected}: encode the pictures again")


def _read_shard(path: Path, first: int, count: int) -> Iterator[bytes]:
    try:
        with tarfile.open(path, "r|") as tar:
            number = first
            for member in tar:
                file = tar.extractfile(member)
                content = b"" if file is None else file.read()
                if member.name != member_name(number) or not _is_jpeg(content):
                    raise JobError(f"{path}: {member.name}, where {member_name(number)}, a JPEG, should be")
                yield content
                number += 1
    except (tarfile.TarError, OSError) as error:
        raise JobError(f"{path}: not a whole tar file: {error}: encode the pictures again") from error
    if number != first + count:
        raise JobError(f"{path}: {number - first} pictures, in {INDEX_FILE} {count}: encode them again")


def _is_jpeg(content: bytes) -> bool:
    return (content[:2], content[-2:]) == _JPEG_ENDS


def _size(content: bytes) -> int:
    return _BLOCK + len(content) + -len(content) % _BLOCK
