"""split.json on S3, changed only if nobody else changed it meanwhile."""

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from pipeline_defs.common.job import JobError
from pipeline_defs.detection.split import Assignment, SplitResult

_ATTEMPTS = 6
_CONFLICTS = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})


def update_split(s3: Any, bucket: str, key: str, assign: Callable[[Assignment], SplitResult]) -> SplitResult:
    """Read the assignment, extend it by `assign` and write it; start again if another run was faster."""
    for _ in range(_ATTEMPTS):
        before, etag = _read(s3, bucket, key)
        result = assign(before)
        if etag is not None and result.assignment == before:
            return result
        if _write(s3, bucket, key, result.assignment, etag):
            return result
    raise JobError(f"s3://{bucket}/{key}: other runs kept changing it; start this one again")


def _read(s3: Any, bucket: str, key: str) -> tuple[Assignment, str | None]:
    """Return the assignment and its ETag; whether it exists is listed, since GetObject may not tell."""
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])
    if not any(entry["Key"] == key for entry in listed):
        return Assignment(), None
    response = s3.get_object(Bucket=bucket, Key=key)
    try:
        document = json.loads(response["Body"].read())
    except ValueError as error:
        raise JobError(f"s3://{bucket}/{key}: not JSON; restore an earlier version of the object") from error
    return Assignment.parse(document), response["ETag"]


def _write(s3: Any, bucket: str, key: str, assignment: Assignment, etag: str | None) -> bool:
    condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
    body = json.dumps(assignment.document(), sort_keys=True).encode()
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", **condition)
    except ClientError as error:
        if error.response["Error"]["Code"] in _CONFLICTS:
            return False
        raise
    return True
