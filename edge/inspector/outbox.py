"""Objects that wait on the disk until S3 has them."""

import hashlib
import itertools
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path


class OutboxFull(Exception):  # noqa: N818 - the name that callers read
    """The outbox holds as much as it may; what was offered is not kept."""


@dataclass(frozen=True)
class Parcel:
    """One object and where it is to be stored."""

    bucket: str
    key: str
    content_type: str
    metadata: dict[str, str]

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture that goes back to the images."""
        return self.content_type.startswith("image/")


class Outbox:
    """A bounded queue of parcels in a directory, oldest first; it survives the process.

    A parcel is two files, `<n>.body` and, written last, `<n>.json`: without the second there is none.
    """

    def __init__(self, directory: Path, *, max_parcels: int = 2000, max_bytes: int = 500_000_000) -> None:
        self._directory = directory
        self._max_parcels = max_parcels
        self._max_bytes = max_bytes
        directory.mkdir(parents=True, exist_ok=True)
        for body in directory.glob("*.body"):
            if not body.with_suffix(".json").exists():
                body.unlink()
        self._numbers = itertools.count(time.time_ns())

    def add(self, parcel: Parcel, body: bytes) -> None:
        """Keep a parcel until it is taken out; one that waits for the same key already is enough.

        Raises OutboxFull, or OSError if the disk takes no more.
        """
        digest = hashlib.sha256(f"{parcel.bucket}/{parcel.key}".encode()).hexdigest()[:16]
        if any(self._directory.glob(f"*-{digest}.json")):
            return
        sizes = [path.stat().st_size for path in self._directory.glob("*.body")]
        if len(sizes) >= self._max_parcels or sum(sizes) + len(body) > self._max_bytes:
            raise OutboxFull(f"{self._directory}: {len(sizes)} objects, {sum(sizes)} bytes wait already")
        path = self._directory / f"{next(self._numbers):020}-{digest}.body"
        try:
            write_durably(path, body)
            write_durably(path.with_suffix(".json"), json.dumps(asdict(parcel)).encode())
        except OSError:
            path.unlink(missing_ok=True)
            raise

    def waiting(self) -> list[Path]:
        """Return the parcels' names, oldest first."""
        return sorted(self._directory.glob("*.json"))

    def read(self, name: Path) -> tuple[Parcel, bytes]:
        """Return a waiting parcel with its body."""
        return Parcel(**json.loads(name.read_text())), name.with_suffix(".body").read_bytes()

    def remove(self, name: Path) -> None:
        """Forget a parcel: it is stored."""
        name.unlink(missing_ok=True)
        name.with_suffix(".body").unlink(missing_ok=True)


def write_durably(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, also after a power cut."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
