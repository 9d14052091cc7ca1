"""Where the frozen split of a tree is kept: an object on S3, or on a laptop a file."""

import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline_defs.classification.frozen_split import FrozenSplit, parse
from pipeline_defs.classification.split import Assigned
from pipeline_defs.common.frozen_object import change_object
from pipeline_defs.common.job import JobError

Assign = Callable[[FrozenSplit], Assigned]


@dataclass(frozen=True)
class BucketSplit:
    """`datasets/<tree>/split.bin` of the artifacts bucket; runs that meet there start again."""

    s3: Any
    bucket: str
    tree: str

    def extend(self, assign: Assign) -> Assigned:
        """Read the frozen split, assign, and freeze what is new."""
        key = f"datasets/{self.tree}/split.bin"
        return change_object(
            self.s3,
            self.bucket,
            key,
            lambda content: _changed(content, self.tree, f"s3://{self.bucket}/{key}", assign),
            content_type="application/octet-stream",
        )


@dataclass(frozen=True)
class FileSplit:
    """A file of one machine; runs that meet there wait for each other."""

    path: Path
    tree: str

    def extend(self, assign: Assign) -> Assigned:
        """Read the frozen split, assign, and freeze what is new: the whole of it, or nothing."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.with_name(f"{self.path.name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                return self._extend(assign)
        except OSError as error:
            raise JobError(f"--split-file {self.path}: {error.strerror}") from error

    def _extend(self, assign: Assign) -> Assigned:
        before = self.path.read_bytes() if self.path.exists() else None
        content, assigned = _changed(before, self.tree, str(self.path), assign)
        if content is not None:
            written = self.path.with_name(f"{self.path.name}.new")
            written.write_bytes(content)
            os.replace(written, self.path)
        return assigned


def _changed(content: bytes | None, tree: str, where: str, assign: Assign) -> tuple[bytes | None, Assigned]:
    before = FrozenSplit() if content is None else parse(content, tree, where)
    assigned = assign(before)
    unchanged = assigned.frozen is before and content is not None
    return None if unchanged else assigned.frozen.content(tree), assigned
