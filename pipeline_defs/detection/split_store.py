"""split.json on S3, changed only if nobody else changed it meanwhile."""

import json
from collections.abc import Callable
from typing import Any

from pipeline_defs.common.frozen_object import change_object
from pipeline_defs.common.job import JobError
from pipeline_defs.detection.split import Assignment, SplitResult


def update_split(s3: Any, bucket: str, key: str, assign: Callable[[Assignment], SplitResult]) -> SplitResult:
    """Read the assignment, extend it by `assign` and write it; start again if another run was faster."""

    def extend(content: bytes | None) -> tuple[bytes | None, SplitResult]:
        before = Assignment() if content is None else _parse(content, f"s3://{bucket}/{key}")
        result = assign(before)
        if content is not None and result.assignment == before:
            return None, result
        return json.dumps(result.assignment.document(), sort_keys=True).encode(), result

    return change_object(s3, bucket, key, extend, content_type="application/json")


def _parse(content: bytes, uri: str) -> Assignment:
    try:
        document = json.loads(content)
    except ValueError as error:
        raise JobError(f"{uri}: not JSON; restore an earlier version of the object") from error
    return Assignment.parse(document)
