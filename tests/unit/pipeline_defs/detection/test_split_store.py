import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline_defs.common.job import JobError
from pipeline_defs.detection.split import Assignment, SplitResult
from pipeline_defs.detection.split_store import update_split


class Bucket:
    """An S3 client of one object, which can change between a read and a write."""

    def __init__(self, content: bytes | None = None) -> None:
        self.content, self.version, self.writes = content, 1, 0
        self.rivals: list[bytes] = []

    def list_objects_v2(self, **_: Any) -> dict[str, Any]:
        return {} if self.content is None else {"Contents": [{"Key": "split.json"}]}

    def get_object(self, **_: Any) -> dict[str, Any]:
        assert self.content is not None
        return {"Body": io.BytesIO(self.content), "ETag": f'"{self.version}"'}

    def put_object(self, *, Body: bytes, **condition: Any) -> None:  # noqa: N803 - boto3's own names
        if self.rivals:
            self._set(self.rivals.pop())
        expected = condition.get("IfMatch") == f'"{self.version}"' or (
            condition.get("IfNoneMatch") == "*" and self.content is None
        )
        if not expected:
            raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": ""}}, "PutObject")
        self._set(Body)
        self.writes += 1

    def _set(self, content: bytes) -> None:
        self.content, self.version = content, self.version + 1


def add_a(before: Assignment) -> SplitResult:
    return SplitResult({}, Assignment({**before.groups, "a": "train"}, before.images), {})


def stored(groups: dict[str, str]) -> bytes:
    return json.dumps({"version": 1, "groups": groups, "images": {}}).encode()


def test_the_first_run_creates_the_file() -> None:
    bucket = Bucket()
    update_split(bucket, "b", "split.json", add_a)
    assert json.loads(bucket.content or b"")["groups"] == {"a": "train"}


def test_another_run_s_change_is_kept() -> None:
    bucket = Bucket(stored({"b": "test"}))
    bucket.rivals = [stored({"b": "test", "c": "validation"})]
    result = update_split(bucket, "b", "split.json", add_a)
    assert result.assignment.groups == {"a": "train", "b": "test", "c": "validation"}
    assert json.loads(bucket.content or b"")["groups"] == result.assignment.groups


def test_another_first_run_is_kept() -> None:
    bucket = Bucket()
    bucket.rivals = [stored({"b": "test"})]
    assert update_split(bucket, "b", "split.json", add_a).assignment.groups == {"a": "train", "b": "test"}


def test_nothing_is_written_where_nothing_is_new() -> None:
    bucket = Bucket(stored({"a": "train"}))
    update_split(bucket, "b", "split.json", add_a)
    assert bucket.writes == 0


def test_endless_rivals_end_with_a_clear_error() -> None:
    bucket = Bucket(stored({}))
    bucket.rivals = [stored({f"g{number}": "test"}) for number in range(20)]
    with pytest.raises(JobError, match="other runs kept changing it"):
        update_split(bucket, "b", "split.json", add_a)


def test_a_broken_file_is_not_overwritten() -> None:
    bucket = Bucket(b"{")
    with pytest.raises(JobError, match="not JSON"):
        update_split(bucket, "b", "split.json", add_a)
    assert bucket.content == b"{"


def test_a_refused_write_is_not_taken_for_a_conflict() -> None:
    class ReadOnly(Bucket):
        def put_object(self, **_: Any) -> None:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "PutObject")

    with pytest.raises(ClientError, match="AccessDenied"):
        update_split(ReadOnly(), "b", "split.json", add_a)
