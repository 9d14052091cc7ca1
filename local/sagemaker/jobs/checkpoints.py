"""A training job's checkpoint folder: fetched before its program starts, kept on S3 while it runs.

What the program deletes in the folder stays on S3.
"""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from local.sagemaker.s3_transfer import NoObjectsError, download_prefix, upload_file

LOCAL_PATH = "/opt/ml/checkpoints"
_SYNC_EVERY_SECONDS = 0.5


class Checkpoints:
    """One folder and its S3 prefix. While it is entered, new and changed files go to S3, oldest first."""

    def __init__(self, s3: Any, folder: Path, uri: str) -> None:
        self.error: Exception | None = None
        self._s3, self._folder, self._uri = s3, folder, uri.rstrip("/")
        self._given_uri = uri
        self._sent: dict[Path, tuple[int, int]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sync_until_over, name="checkpoints", daemon=True)

    def fetch(self) -> None:
        """Put into the folder what S3 has; nothing there is no error."""
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            download_prefix(self._s3, self._given_uri, self._folder)
        except NoObjectsError:
            return
        self._sent = dict(self._files())

    def __enter__(self) -> Checkpoints:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _sync_until_over(self) -> None:
        try:
            while not self._over.wait(_SYNC_EVERY_SECONDS):
                self._sync()
            self._sync()
        except Exception as failure:  # told to the job, which fails by it
            self.error = failure

    def _sync(self) -> None:
        for path, version in self._files():
            if self._sent.get(path) == version:
                continue
            try:
                upload_file(self._s3, path, f"{self._uri}/{path.relative_to(self._folder)}")
            except FileNotFoundError:  # replaced or deleted since it was listed
                continue
            self._sent[path] = version

    def _files(self) -> list[tuple[Path, tuple[int, int]]]:
        found = []
        for path in self._folder.rglob("*"):
            try:
                state = path.stat()
            except FileNotFoundError:
                continue
            if path.is_file():
                found.append((path, (state.st_mtime_ns, state.st_size)))
        return sorted(found, key=lambda item: item[1][0])
