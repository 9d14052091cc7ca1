"""Pictures read and checked, many at a time: each becomes a row, or a line of the quarantine list."""

import hashlib
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import boto3
from botocore.config import Config

from pipeline_defs.classification.listing import Listed
from pipeline_defs.classification.picture_check import Refused, check, check_bytes
from pipeline_defs.classification.quarantine import Quarantined
from pipeline_defs.classification.settings import Quality
from pipeline_defs.common.objects import Fetched, Unavailable, fetch_version

UNAVAILABLE = "unavailable"
DOWNLOADS = 16  # at a time, in each process

Read = Callable[[Listed, int], Fetched]

_made = threading.Lock()
_decoding = threading.Lock()  # a process for each processor: several pictures at once would only take memory
_clients: list[Any] = []


class Checked(NamedTuple):
    """A picture that passed, with all that is kept of it; its row is these fields, between tabs.

    Rows sort by SHA-256, class and URI.
    """

    sha256: str
    class_name: str
    uri: str
    version_id: str | None
    size: int
    format: str
    width: int
    height: int
    dhash: str

    def row(self) -> bytes:
        """Return its row; names are in JSON, which has no tabs."""
        fields = (
            self.sha256, json.dumps(self.class_name), json.dumps(self.uri), json.dumps(self.version_id),
            str(self.size), self.format, str(self.width), str(self.height), self.dhash,
        )  # fmt: skip
        return ("\t".join(fields) + "\n").encode("ascii")

    @classmethod
    def parse(cls, row: bytes) -> "Checked":
        """Read a row."""
        sha256, class_name, uri, version_id, size, kind, width, height, dhash = row.decode().split("\t")
        return cls(
            sha256, json.loads(class_name), json.loads(uri), json.loads(version_id),
            int(size), kind, int(width), int(height), dhash.rstrip(),
        )  # fmt: skip


@dataclass(frozen=True)
class Examination:
    """What every process is told; `read` gives the bytes of a picture, not many more than it is told."""

    rules: Quality
    read: Read
    downloads: int = DOWNLOADS

    def __call__(self, batch: list[Listed]) -> list[bytes | Quarantined]:
        """Examine pictures: a row for each that passed; errors other than of single pictures are raised."""
        if self.downloads == 1:
            return [self._examine(listed) for listed in batch]
        with ThreadPoolExecutor(self.downloads) as pool:
            return list(pool.map(self._examine, batch))

    def _examine(self, listed: Listed) -> bytes | Quarantined:
        version_id, sha256 = listed.version_id, ""
        try:
            if listed.size is not None:
                check_bytes(listed.size, self.rules)
            content, version_id = self.read(listed, self.rules.max_bytes)
            check_bytes(len(content), self.rules)
            sha256 = hashlib.sha256(content).hexdigest()
            with _decoding:
                facts = check(content, listed.uri, self.rules)
        except Refused as refused:
            reason, detail = refused.reason, refused.detail
        except Unavailable as error:
            reason, detail = UNAVAILABLE, str(error)
        else:
            return Checked(
                sha256, listed.class_name, listed.uri, version_id, len(content),
                facts.format, facts.width, facts.height, facts.dhash,
            ).row()  # fmt: skip
        return Quarantined(listed.uri, version_id, sha256, listed.class_name, reason, detail)


def read_object(listed: Listed, max_bytes: int) -> Fetched:
    """Read a picture from S3 or this machine's disk."""
    s3 = s3_client() if listed.uri.startswith("s3://") else None
    return fetch_version(s3, listed.uri, listed.version_id, max_bytes=max_bytes)


def s3_client() -> Any:
    """Return this process's client; it tries again what S3 throttles."""
    with _made:
        if not _clients:
            config = Config(
                retries={"mode": "standard", "total_max_attempts": 8}, max_pool_connections=DOWNLOADS * 4
            )
            _clients.append(boto3.session.Session().client("s3", config=config))
        return _clients[0]
