"""An object on S3 that runs extend one after the other: changed only if nobody else changed it meanwhile."""

from collections.abc import Callable
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from pipeline_defs.common.job import JobError

Result = TypeVar("Result")
# What is there (None: nothing yet) -> what is to be there (None: let it be), and what the caller gets.
Change = Callable[[bytes | None], tuple[bytes | None, Result]]

_ATTEMPTS = 6
_CONFLICTS = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})


def change_object(s3: Any, bucket: str, key: str, change: Change[Result], *, content_type: str) -> Result:
    """Read the object, change it and write it; start again if another run was faster.

    Raises JobError where others keep being faster, and what `change` raises.
    """
    for _ in range(_ATTEMPTS):
        before, etag = _read(s3, bucket, key)
        content, result = change(before)
        if content is None or _write(s3, bucket, key, content, etag, content_type):
            return result
    raise JobError(f"s3://{bucket}/{key}: other runs kept changing it; start this one again")


def _read(s3: Any, bucket: str, key: str) -> tuple[bytes | None, str | None]:
    """Return the content and its ETag; whether it exists is listed, since GetObject may not tell."""
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])
    if not any(entry["Key"] == key for entry in listed):
        return None, None
    response = s3.get_object(Bucket=bucket, Key=key)
    return response["Body"].read(), response["ETag"]


def _write(s3: Any, bucket: str, key: str, content: bytes, etag: str | None, content_type: str) -> bool:
    condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type, **condition)
    except ClientError as error:
        if error.response["Error"]["Code"] in _CONFLICTS:
            return False
        raise
    return True
