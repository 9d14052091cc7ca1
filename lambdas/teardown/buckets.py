"""Empty a bucket: every version, every delete marker, every upload that was never finished."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from lambdas.teardown.deadline import Deadline
from lambdas.teardown.gone import is_gone, unless_gone


class StillThere(Exception):  # noqa: N818 - the name that CloudFormation shows
    """S3 did not delete some objects."""


def empty(s3: Any, bucket: str, deadline: Deadline) -> None:
    """Delete all that is in a bucket; one that is gone already is empty."""
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            deadline.check(f"emptying the bucket {bucket}")
            _delete(s3, bucket, [*page.get("Versions", []), *page.get("DeleteMarkers", [])])
        for upload in _uploads(s3, bucket):
            unless_gone(
                s3.abort_multipart_upload, Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
            )
    except ClientError as error:
        if not is_gone(error):
            raise


def _delete(s3: Any, bucket: str, versions: Sequence[Mapping[str, Any]]) -> None:
    if not versions:
        return
    objects = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    if errors := answer.get("Errors"):
        first = errors[0]
        raise StillThere(f"{len(errors)} objects in {bucket}, such as {first['Key']}: {first.get('Message')}")


def _uploads(s3: Any, bucket: str) -> Iterator[Mapping[str, Any]]:
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        yield from page.get("Uploads", [])
