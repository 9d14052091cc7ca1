"""The pictures of a data set, fetched again: the very bytes that were checked, or none."""

import hashlib

from pipeline_defs.classification.dataset import Image
from pipeline_defs.classification.examination import s3_client
from pipeline_defs.common.objects import Unavailable, fetch


def fetch_checked(image: Image) -> bytes:
    """Read a picture's file in the version that was checked; raises Unavailable if it is gone or changed."""
    s3 = s3_client() if image.uri.startswith("s3://") else None
    content = fetch(s3, image.uri, image.version_id)
    found = hashlib.sha256(content).hexdigest()
    if found != image.sha256:
        raise Unavailable(f"its bytes are not those that were checked: SHA-256 {found[:16]}… now")
    return content
