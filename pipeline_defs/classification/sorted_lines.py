"""Lines of text in the order of their bytes, more than fit in memory."""

import heapq
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

_RUN_BYTES = 16_000_000


class SortedLines:
    """Add lines in any order, read them sorted, as often as needed; they lie in files of `folder`."""

    def __init__(self, folder: Path, name: str, *, run_bytes: int = _RUN_BYTES) -> None:
        self._folder, self._name, self._run_bytes = folder, name, run_bytes
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._runs: list[Path] = []

    def add(self, line: bytes) -> None:
        """Add a line that ends in a newline, its only one."""
        self._waiting.append(line)
        self._bytes += len(line)
        if self._bytes >= self._run_bytes:
            self._write_run()

    def __iter__(self) -> Iterator[bytes]:
        self._write_run()
        with ExitStack() as files:
            runs = [files.enter_context(path.open("rb")) for path in self._runs]
            yield from heapq.merge(*runs)

    def _write_run(self) -> None:
        if not self._waiting:
            return
        self._waiting.sort()
        path = self._folder / f"{self._name}-{len(self._runs)}"
        with path.open("wb") as file:
            file.writelines(self._waiting)
        self._runs.append(path)
        self._waiting, self._bytes = [], 0
