"""Objects of S3 and local files by their URI; of S3 also an earlier version."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError

_ABSENT = frozenset(
    {
        "NoSuchKey", "NoSuchBucket", "NoSuchVersion", "MethodNotAllowed", "InvalidObjectState",
        "AccessDenied", "404", "403", "405",
    }
)  # fmt: skip
_READS = 4
_FILE = "file://"


class Unavailable(Exception):  # noqa: N818 - the name that callers read
    """An object that cannot be downloaded; the message is the reason."""


@dataclass(frozen=True)
class Fetched:
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
        return Fetched(_read_file(uri, limit), None)
    bucket, key = split_uri(uri)
    version = {} if version_id is None else {"VersionId": version_id}
    for attempt in range(1, _READS + 1):
        try:
            response = s3.get_object(Bucket=bucket, Key=key, **version)
            return Fetched(bytes(response["Body"].read(limit)), response.get("VersionId", version_id))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in _ABSENT:
                raise
            raise Unavailable(f"cannot be downloaded: {code}") from error
        except (HTTPClientError, IncompleteReadError):  # the client does not retry what fails in the body
            if attempt == _READS:
                raise
    raise AssertionError("the last attempt returns or raises")


def split_uri(uri: str) -> tuple[str, str]:
    """Return the bucket and the key of an s3:// URI; keys hold any character, also ? and #."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def file_path(uri: str) -> Path:
    """Return the path that a file:// URI names."""
    return Path(unquote(uri.removeprefix(_FILE)))


def _read_file(uri: str, limit: int | None) -> bytes:
    try:
        with file_path(uri).open("rb") as file:
            return file.read(-1 if limit is None else limit)
    except OSError as error:
        raise Unavailable(f"cannot be read: {error.strerror}") from error
