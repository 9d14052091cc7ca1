"""Objects on S3 by their URI, and records that are written once and never over one another."""

import json
from typing import Any

from botocore.exceptions import ClientError


def split_uri(uri: str) -> tuple[str, str]:
    """Split `s3://bucket/key` into bucket and key; ValueError for anything else."""
    bucket, separator, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket or not separator:
        raise ValueError(f"{uri!r} is not an s3:// URI with a bucket and a key")
    return bucket, key


def read_bytes(s3: Any, uri: str) -> bytes:
    """Read the whole object behind an s3:// URI."""
    bucket, key = split_uri(uri)
    body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def read_json(s3: Any, uri: str) -> Any:
    """Read the JSON document behind an s3:// URI."""
    return json.loads(read_bytes(s3, uri))


def keep_record(s3: Any, *, bucket: str, folder: str, name: str, record: dict[str, Any]) -> str:
    """Write `record` to `folder/name.json` unless another execution's record is there; return its URI.

    `record["execution"]` names the writer: its second attempt finds its own record and leaves it as it is.
    Where another execution has written before, the record goes to `folder/name-<execution>.json`.
    """
    first, second = f"{folder}/{name}.json", f"{folder}/{name}-{record['execution']}.json"
    body = json.dumps(record, indent=2, sort_keys=True).encode()
    if put_new(s3, bucket, first, body, ContentType="application/json"):
        return f"s3://{bucket}/{first}"
    if read_json(s3, f"s3://{bucket}/{first}")["execution"] == record["execution"]:
        return f"s3://{bucket}/{first}"
    put_new(s3, bucket, second, body, ContentType="application/json")
    return f"s3://{bucket}/{second}"


def put_new(s3: Any, bucket: str, key: str, body: bytes, **attributes: Any) -> bool:
    """Write an object unless one is there, which makes it False; `attributes` are PutObject's."""
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*", **attributes)
    except ClientError as error:
        if error.response["Error"]["Code"] == "PreconditionFailed":
            return False
        raise
    return True
