"""Objects by their URI and version, and what is tried again."""

import hashlib
import io
import os
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.response import StreamingBody

from pipeline_defs.common.objects import Unavailable, download, fetch, fetch_version, split_uri


class S3:
    """One object; its body breaks off the first `breaks` times."""

    def __init__(self, content: bytes = b"picture", breaks: int = 0, code: str = "") -> None:
        self.content, self.breaks, self.code = content, breaks, code
        self.asked: list[dict[str, Any]] = []

    def get_object(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        if self.code:
            raise ClientError({"Error": {"Code": self.code}}, "GetObject")
        if len(self.asked) <= self.breaks:
            return {"Body": Broken(), "VersionId": "v1"}
        return {"Body": StreamingBody(io.BytesIO(self.content), len(self.content)), "VersionId": "v1"}


class Broken:
    def read(self, amount: int | None = None) -> bytes:
        raise ReadTimeoutError(endpoint_url="s3")


@pytest.mark.parametrize("key", ["a/b.jpg", "a b/ü?x=1#y.jpg", "a//b.jpg", "a/%20.jpg"])
def test_a_key_holds_any_character(key: str) -> None:
    s3 = S3()
    assert fetch(s3, f"s3://bucket/{key}", "v7") == b"picture"
    assert s3.asked == [{"Bucket": "bucket", "Key": key, "VersionId": "v7"}]
    assert split_uri(f"s3://bucket/{key}") == ("bucket", key)


def test_without_a_version_the_one_that_was_read_is_told() -> None:
    s3 = S3()
    assert fetch_version(s3, "s3://bucket/a.jpg") == (b"picture", "v1")
    assert "VersionId" not in s3.asked[0]


def test_a_body_that_breaks_off_is_read_again() -> None:
    assert fetch(S3(breaks=3), "s3://b/k") == b"picture"
    with pytest.raises(ReadTimeoutError):
        fetch(S3(breaks=4), "s3://b/k")


def test_no_more_is_read_than_one_byte_over_the_limit(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(100))
    assert len(fetch_version(S3(bytes(100)), "s3://b/k", max_bytes=9).content) == 10
    assert len(fetch_version(None, (tmp_path / "x").as_uri(), max_bytes=9).content) == 10


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchVersion", "AccessDenied", "MethodNotAllowed"])
def test_what_is_not_there_is_unavailable(code: str) -> None:
    with pytest.raises(Unavailable, match=code):
        fetch(S3(code=code), "s3://b/k")


def test_other_errors_are_not_the_pictures() -> None:
    with pytest.raises(ClientError):
        fetch(S3(code="SlowDown"), "s3://b/k")


def test_a_name_that_is_no_text_is_found(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff\xfe.jpg")
    path.write_bytes(b"picture")
    assert fetch(None, path.as_uri()) == b"picture"


def test_a_file_is_read_by_its_uri(tmp_path: Path) -> None:
    path = tmp_path / "a ü%20#.jpg"
    path.write_bytes(b"local")
    assert fetch_version(None, path.as_uri()) == (b"local", None)
    with pytest.raises(Unavailable, match="No such file"):
        fetch(None, (tmp_path / "none").as_uri())


@pytest.mark.parametrize("remote", [True, False])
def test_a_download_is_streamed_and_hashed(tmp_path: Path, remote: bool) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "x").write_bytes(content)
    uri = "s3://b/k" if remote else (tmp_path / "x").as_uri()
    assert download(S3(content), uri, tmp_path / "y") == hashlib.sha256(content).hexdigest()
    assert (tmp_path / "y").read_bytes() == content
