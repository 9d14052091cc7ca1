"""The client that signs addresses of pictures and reports, which a browser opens without credentials."""

from typing import Any

import boto3
from botocore.config import Config


def signing_client() -> Any:
    """Make a client of S3 whose addresses open objects under a KMS key, at the host of the bucket's region.

    The page's content security policy names that host alone. In us-east-1 the SDK would by itself take the
    host that all regions share.
    """
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
        max_pool_connections=20,
    )
    return boto3.client("s3", config=config)
