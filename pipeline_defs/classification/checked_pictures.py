"""The pictures of a data set, fetched again: the very bytes that were checked, or none."""

import hashlib
from typing import Any

import boto3
from botocore.config import Config

from pipeline_defs.classification.dataset import Image
from pipeline_defs.common.objects import Unavailable, fetch


def fetch_checked(s3: Any, image: Image) -> bytes:
    """Read a picture's file in the version that was checked; raises Unavailable for what is gone or changed.

    `s3` is not used for a local file.
    """
    content = fetch(s3, image.uri, image.version_id)
    found = hashlib.sha256(content).hexdigest()
    if found != image.sha256:
        raise Unavailable(f"its bytes are not those that were checked: SHA-256 {found[:16]}… now")
    return content


def client_for(uri: str, *, connections: int) -> Any:
    """Return an S3 client for pictures that lie where this one does: None for local files."""
    if not uri.startswith("s3://"):
        return None
    config = Config(retries={"mode": "standard", "total_max_attempts": 6}, max_pool_connections=connections)
    return boto3.client("s3", config=config)
