"""Files of records as MXNet writes and reads them: `.rec`, and beside it the `.idx` that finds a record."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pipeline_defs.classification.record_format import (
    BadRecords,
    Record,
    frame,
    pack,
    unframe,
    unpack,
)

__all__ = ["BadRecords", "Record", "RecordReader", "RecordWriter", "index_of"]


class RecordWriter:
    """Writes `path` (.rec) and its index; `with` it, or close it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._records = path.open("wb")
        self._index = index_of(path).open("w", newline="")
        self._position = 0

    def write(self, key: int, record: Record) -> None:
        """Append a record under `key`, a number that no other record of the file has."""
        self.copy(key, frame(pack(record)))

    def copy(self, key: int, framed: bytes) -> None:
        """Append a record as RecordReader.framed gives it."""
        self._index.write(f"{key}\t{self._position}\n")
        self._records.write(framed)
        self._position += len(framed)

    def close(self) -> None:
        """Flush both files."""
        self._records.close()
        self._index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class RecordReader:
    """Any record of `path` (.rec) by its position, found by the index beside it; 24 bytes of memory a record.

    Threads and processes may share one: a read says where in the file it reads. A pickled one opens the file
    again. Raises BadRecords where a file is missing, cut off, or not the other's.
    """

    _file = -1

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = os.open(path, os.O_RDONLY)
            size = os.fstat(self._file).st_size
        except OSError as error:
            raise BadRecords(f"{path}: cannot be read ({error.strerror}): write the records") from error
        self.keys, self._starts = _read_index(index_of(path))
        self._ends = _ends(self._starts, size, path)
        self._check_ends(size)

    def __len__(self) -> int:
        return len(self.keys)

    def read(self, position: int) -> Record:
        """Return the record at `position`, 0 to len - 1 in the order of the index."""
        return self.record(position, self.framed(position))

    def record(self, position: int, framed: bytes) -> Record:
        """Return the record that `framed` gave for `position`."""
        where = f"{self.path}: record {self.keys[position]} at byte {self._starts[position]}"
        return unpack(unframe(framed, where), where)

    def framed(self, position: int) -> bytes:
        """Return the record's bytes as they lie in the file."""
        if not 0 <= position < len(self):
            raise IndexError(f"{self.path}: no record {position} among {len(self)}")
        start = int(self._starts[position])
        return os.pread(self._file, int(self._ends[position]) - start, start)

    def __iter__(self) -> Iterator[Record]:
        return (self.read(position) for position in range(len(self)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path,)

    def __del__(self) -> None:
        if self._file >= 0:
            os.close(self._file)

    def _check_ends(self, size: int) -> None:
        """Read the record that lies last: a file that was cut off shows it here, before any work is done."""
        if len(self):
            self.read(int(self._starts.argmax()))
        elif size:
            raise BadRecords(f"{self.path}: {size} bytes, but {index_of(self.path)} names no record")


def index_of(path: Path) -> Path:
    """Return the name of a .rec file's index."""
    return path.with_suffix(".idx")


def _read_index(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the keys and the offsets, in the order of the file."""
    try:
        text = path.read_text()
        numbers = np.array(text.split(), dtype=np.int64)
    except OSError as error:
        raise BadRecords(f"{path}: cannot be read ({error.strerror}): it lies beside the records") from error
    except (ValueError, OverflowError) as error:
        raise BadRecords(f"{path}: not an index of records: {error}") from error
    lines = text.count("\n")
    if text and (not text.endswith("\n") or numbers.size != 2 * lines):
        raise BadRecords(f"{path}: not an index of records, or cut off after {lines} lines")
    return numbers[0::2].copy(), numbers[1::2].copy()


def _ends(starts: NDArray[np.int64], size: int, path: Path) -> NDArray[np.int64]:
    """Return where each record ends: where the next one starts, the last one with the file."""
    order = np.argsort(starts, kind="stable")
    ends = np.empty_like(starts)
    ends[order] = np.append(starts[order][1:], size) if starts.size else starts
    if starts.size and (int(starts.min()) != 0 or bool((ends <= starts).any())):
        raise BadRecords(f"{path}: {size} bytes are not what its index says: cut off, or another's index")
    return ends
