import io
from typing import Any

import pytest
from botocore.response import StreamingBody

from lambdas.common import json_lines


class OneBucketS3:
    """Keeps objects in memory, as far as lists need S3."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:  # noqa: N803
        self.objects[f"s3://{Bucket}/{Key}"] = Body

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        content = self.objects[f"s3://{Bucket}/{Key}"]
        return {"Body": StreamingBody(io.BytesIO(content), len(content))}


def test_a_list_comes_back_as_it_was_written() -> None:
    s3, rows = OneBucketS3(), [{"b": 1, "a": "ä\u2028\n"}, {}]
    assert json_lines.write(s3, "s3://bucket/list.jsonl", iter(rows)) == 2
    assert list(json_lines.read(s3, "s3://bucket/list.jsonl")) == rows


def test_equal_lists_are_equal_bytes() -> None:
    s3 = OneBucketS3()
    json_lines.write(s3, "s3://bucket/1", [{"a": 1, "b": 2}])
    json_lines.write(s3, "s3://bucket/2", [{"b": 2, "a": 1}])
    assert s3.objects["s3://bucket/1"] == s3.objects["s3://bucket/2"]


def test_a_line_that_is_not_json_is_named() -> None:
    s3 = OneBucketS3()
    s3.objects["s3://bucket/list"] = b'{"a":1}\n\n{"a":\n'
    with pytest.raises(ValueError, match="s3://bucket/list: line 3 is not JSON"):
        list(json_lines.read(s3, "s3://bucket/list"))
