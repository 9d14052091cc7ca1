"""Objects of S3 and local files by their URI; of S3 also an earlier version."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import unquote_to_bytes

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError

_ABSENT = frozenset(
    {
        "NoSuchKey", "NoSuchBucket", "NoSuchVersion", "MethodNotAllowed", "InvalidObjectState",
        "AccessDenied", "404", "403", "405",
    }
)  # fmt: skip
_READS = 4
_CHUNK = 1_000_000
_FILE = "file://"


class Unavailable(Exception):  # noqa: N818 - the name that callers read
    """An object that cannot be downloaded; the message is the reason."""


class Fetched(NamedTuple):
    """An object's bytes, and the version that they are of; None where there are no versions."""

    content: bytes
    version_id: str | None


def fetch(s3: Any, uri: str, version_id: str | None = None) -> bytes:
    """Read an object or file; raises Unavailable if it is not there or the job may not read it."""
    return fetch_version(s3, uri, version_id).content


def fetch_version(
    s3: Any, uri: str, version_id: str | None = None, *, max_bytes: int | None = None
) -> Fetched:
    """Read an object or file, at most `max_bytes` + 1 of it, and say which version that was.

    Raises Unavailable if it is not there or the job may not read it. `s3` is not used for file:// URIs.
    """
    limit = None if max_bytes is None else max_bytes + 1
    if uri.startswith(_FILE):
        with _opened(uri) as file:
            return Fetched(file.read(-1 if limit is None else limit), None)
    for attempt in range(1, _READS + 1):
        response = _response(s3, uri, version_id)
        try:
            return Fetched(bytes(response["Body"].read(limit)), response.get("VersionId", version_id))
        except (HTTPClientError, IncompleteReadError):  # the client does not retry what fails in the body
            if attempt == _READS:
                raise
    raise AssertionError("the last attempt returns or raises")


def download(s3: Any, uri: str, path: Path) -> str:
    """Stream an object or file to `path`; return its SHA-256. Raises Unavailable as `fetch` does."""
    digest = hashlib.sha256()
    with path.open("wb") as target:
        for chunk in _chunks(s3, uri):
            digest.update(chunk)
            target.write(chunk)
    return digest.hexdigest()


def split_uri(uri: str) -> tuple[str, str]:
    """Return the bucket and the key of an s3:// URI; keys hold any character, also ? and #."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def file_path(uri: str) -> Path:
    """Return the path that a file:// URI names."""
    return Path(os.fsdecode(unquote_to_bytes(uri.removeprefix(_FILE))))


def _response(s3: Any, uri: str, version_id: str | None) -> Any:
    bucket, key = split_uri(uri)
    version = {} if version_id is None else {"VersionId": version_id}
    try:
        return s3.get_object(Bucket=bucket, Key=key, **version)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in _ABSENT:
            raise
        raise Unavailable(f"cannot be downloaded: {code}") from error


def _chunks(s3: Any, uri: str) -> Iterator[bytes]:
    if uri.startswith(_FILE):
        with _opened(uri) as file:
            yield from iter(lambda: file.read(_CHUNK), b"")
    else:
        yield from _response(s3, uri, None)["Body"].iter_chunks(_CHUNK)


def _opened(uri: str) -> BinaryIO:
    try:
        return file_path(uri).open("rb")
    except OSError as error:
        raise Unavailable(f"cannot be read: {error.strerror}") from error
