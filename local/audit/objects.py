"""Objects on S3, read and hashed as they are now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

_THREADS = 16
_BLOCK = 1 << 20
_UNREADABLE = ("NoSuchKey", "NoSuchBucket", "NoSuchVersion", "MethodNotAllowed", "AccessDenied", "404", "403")


class Unreadable(Exception):  # noqa: N818 - it describes the object, not a fault of the program
    """An object that is gone or may not be read; the message says which of the two."""


@dataclass(frozen=True)
class Versioned:
    """An object, which of its versions is meant (None: the current one), and the SHA-256 of that."""

    uri: str
    version_id: str | None
    sha256: str


class Objects:
    """S3 as an auditor reads it."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def read(self, uri: str) -> bytes:
        """Read a whole object; raises Unreadable."""
        return b"".join(self._blocks(uri))

    def read_json(self, uri: str) -> Any:
        """Read a JSON object; raises Unreadable, also where it is none."""
        try:
            return json.loads(self.read(uri))
        except ValueError as error:
            raise Unreadable(f"it is no JSON: {error}") from error

    def sha256(self, uri: str, version_id: str | None = None) -> str:
        """Hash an object block by block; raises Unreadable."""
        digest = hashlib.sha256()
        for block in self._blocks(uri, version_id):
            digest.update(block)
        return digest.hexdigest()

    def problem(self, uri: str, recorded: str, version_id: str | None = None) -> str | None:
        """Say how an object differs from its recorded SHA-256; None where it does not."""
        try:
            found = self.sha256(uri, version_id)
        except Unreadable as error:
            return str(error)
        return None if found == recorded else f"its SHA-256 is {found}, recorded is {recorded}"

    def problems(self, recorded: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
        """Compare many objects, several at a time, with their recorded SHA-256; in the order given."""
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="audit") as pool:
            found = pool.map(lambda item: self.problem(*item), recorded.items())
            yield from zip(recorded, found, strict=True)

    def version_problems(self, recorded: Sequence[Versioned]) -> Iterator[tuple[Versioned, str | None]]:
        """Compare versions of many objects, several at a time; in the order given."""
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="audit") as pool:
            found = pool.map(lambda one: self.problem(one.uri, one.sha256, one.version_id), recorded)
            yield from zip(recorded, found, strict=True)

    def under(self, prefix: str) -> list[str]:
        """List the URIs of the objects under an s3:// prefix."""
        bucket, key = _split(prefix)
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
        return [f"s3://{bucket}/{entry['Key']}" for page in pages for entry in page.get("Contents", [])]

    def _blocks(self, uri: str, version_id: str | None = None) -> Iterator[bytes]:
        bucket, key = _split(uri)
        version = {"VersionId": version_id} if version_id else {}
        try:
            yield from self._s3.get_object(Bucket=bucket, Key=key, **version)["Body"].iter_chunks(_BLOCK)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in _UNREADABLE:
                raise
            raise Unreadable(f"it cannot be read ({code})") from error


def _split(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri, allow_fragments=False)
    path = parts.path if not parts.query else f"{parts.path}?{parts.query}"
    return parts.netloc, path.lstrip("/")
