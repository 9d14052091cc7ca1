"""What was found on each picture: one JSON line, on the disk before the picture goes."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path


class ResultLog:
    """Appends records to an open segment; closed segments wait to be stored."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open = directory / "open.jsonl"
        directory.mkdir(parents=True, exist_ok=True)

    def append(self, record: Mapping[str, object]) -> None:
        """Write one record through to the disk. Raises OSError if it takes no more."""
        line = json.dumps(record, separators=(",", ":")) + "\n"
        with self._open.open("a") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def close_segment(self) -> None:
        """Begin a new segment if the open one holds anything."""
        if self._open.exists() and self._open.stat().st_size:
            self._open.rename(self._directory / f"{time.time_ns():020}.jsonl")

    def closed(self) -> list[Path]:
        """Return the closed segments, oldest first."""
        return sorted(path for path in self._directory.glob("*.jsonl") if path != self._open)
