"""Start the delivery of an uploaded archive, unless it differs from the one before in ignored files only."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.delivery.deliveries import Environment, Revision, deliver


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Compare the archive with the version that it replaces.

    In: EventBridge's "Object Created" of S3.
    Out: {"revision", "execution": its id, or null where nothing was started, "because"}.
    """
    bucket, uploaded = event["detail"]["bucket"]["name"], event["detail"]["object"]
    return deliver(
        boto3.client("codepipeline"),
        environment.read(Environment),
        event_id=event["id"],
        revision=Revision("S3_OBJECT_VERSION_ID", uploaded["version-id"]),
        changed=_changed(boto3.client("s3"), bucket, uploaded["key"], uploaded["version-id"]),
    )


def _changed(s3: Any, bucket: str, key: str, version: str) -> list[str] | None:
    """List the files that came, went or changed; None where there is nothing to compare."""
    before = _version_before(s3, bucket, key, version)
    if before is None:
        return None
    try:
        old, new = (_checksums(s3, bucket, key, one) for one in (before, version))
    except zipfile.BadZipFile:
        # The pipeline, which everyone watches, is to fail on it, not this function.
        return None
    return sorted({path for path, _ in old.items() ^ new.items()})


def _version_before(s3: Any, bucket: str, key: str, version: str) -> str | None:
    """Find the version of the object that came before this one; S3 lists the newest first."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key)
    versions = (one["VersionId"] for page in pages for one in page.get("Versions", []) if one["Key"] == key)
    for one in versions:
        if one == version:
            return next(versions, None)
    return None


def _checksums(s3: Any, bucket: str, key: str, version: str) -> dict[str, int]:
    body = s3.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"].read()
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {file.filename: file.CRC for file in archive.infolist() if not file.is_dir()}
