"""Checkpoints on disk: whole or not there, and taken up only by the run that wrote them."""

import hashlib
import io
import os
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

_NAME = re.compile(r"checkpoint-(\d{8,})\.pt")
_KEPT = 2
_DIGEST_LETTERS = 64


class _UnusableError(Exception):
    """A file that is no checkpoint of this run; the message says why."""


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of a folder; `run` is all that decides what a run does, so that no other is taken up.

    A file is the SHA-256 of the rest in hex, a newline, and what torch.save writes.
    """

    folder: Path
    run: Mapping[str, str | int | float]

    def write(self, step: int, state: Mapping[str, Any]) -> Path:
        """Write the state after `step`, atomically, and remove all but the newest two."""
        buffer = io.BytesIO()
        torch.save({"run": dict(self.run), "step": step, "state": state}, buffer)
        content = buffer.getvalue()
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"checkpoint-{step:08d}.pt"
        half = self.folder / f"{path.name}.half"
        with half.open("wb") as file:
            file.write(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
        for old in self._newest_first()[_KEPT:]:
            old.unlink(missing_ok=True)
        return path

    def newest(self) -> tuple[int, Mapping[str, Any]] | None:
        """Return step and state of the newest whole checkpoint of this run; one passed over gets a line."""
        for path in self._newest_first():
            try:
                step, state = self._read(path)
            except _UnusableError as reason:
                print(f"{path}: {reason}; passed over", flush=True)
            else:
                print(f"resuming from {path}, after step {step}", flush=True)
                return step, state
        return None

    def _read(self, path: Path) -> tuple[int, Mapping[str, Any]]:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise _UnusableError(f"cannot be read ({error.strerror})") from error
        digest, _, packed = content.partition(b"\n")
        if len(digest) != _DIGEST_LETTERS or hashlib.sha256(packed).hexdigest().encode() != digest:
            raise _UnusableError("damaged: it is not what its SHA-256 says")
        try:
            # Tensors and plain values only: a checkpoint cannot run code.
            held = torch.load(io.BytesIO(packed), map_location="cpu", weights_only=True)
            run, step, state = dict(held["run"]), int(held["step"]), dict(held["state"])
        except (pickle.UnpicklingError, RuntimeError, KeyError, TypeError, ValueError) as error:
            raise _UnusableError(f"holds something else than weights ({type(error).__name__})") from error
        if run != dict(self.run):
            other = sorted(name for name in self.run if run.get(name) != self.run[name])
            raise _UnusableError(f"of another run: {', '.join(other)} differ")
        return step, state

    def _newest_first(self) -> list[Path]:
        found = [
            (int(match[1]), path) for path in _files(self.folder) if (match := _NAME.fullmatch(path.name))
        ]
        return [path for _, path in sorted(found, reverse=True)]


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
