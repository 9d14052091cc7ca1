"""Lists on S3, one JSON document a line: what is too long for a state machine's payload."""

import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from lambdas.common.objects import split_uri


def read(s3: Any, uri: str) -> Iterator[dict[str, Any]]:
    """Yield the documents of a list as they arrive; ValueError names the line that is not JSON."""
    bucket, key = split_uri(uri)
    lines = s3.get_object(Bucket=bucket, Key=key)["Body"].iter_lines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except ValueError as error:
            raise ValueError(f"{uri}: line {number} is not JSON: {error}") from None


def write(s3: Any, uri: str, documents: Iterable[dict[str, Any]]) -> int:
    """Write a list in place of what was there, and return its length; equal lists are equal bytes."""
    bucket, key = split_uri(uri)
    content, count = io.BytesIO(), 0
    for document in documents:
        content.write(json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n")
        count += 1
    s3.put_object(Bucket=bucket, Key=key, Body=content.getvalue(), ContentType="application/x-ndjson")
    return count
