"""Where a classifier's pictures come from: a prefix with a folder for each class, or a manifest."""

from typing import Any
from urllib.parse import urlsplit

from pipeline_defs.classification.settings import ClassificationSettings


def has_pictures(s3: Any, classifier: ClassificationSettings) -> bool:
    """Tell whether the source has anything of the model's classes; a manifest only has to be there."""
    where = urlsplit(classifier.source)
    bucket, key = where.netloc, where.path.lstrip("/")
    if not key.endswith("/"):
        return _is_there(s3, bucket, key)
    # Most often a class's folder lies right below: then nothing has to be listed.
    below = (f"{key}{of_label}/" for of_label in classifier.classes)
    return any(_lists(s3, bucket, prefix) for prefix in below) or _somewhere(s3, bucket, key, classifier)


def _is_there(s3: Any, bucket: str, key: str) -> bool:
    # The build may list pictures, and read none: so it asks for no object itself.
    found = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
    return [each["Key"] for each in found] == [key]


def _lists(s3: Any, bucket: str, prefix: str) -> bool:
    found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=2).get("Contents", [])
    return any(not each["Key"].endswith("/") for each in found)


def _somewhere(s3: Any, bucket: str, prefix: str, classifier: ClassificationSettings) -> bool:
    """Look for a class's folder at any depth: a picture's class is the folder that it lies in."""
    classes = set(classifier.classes)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = (each["Key"] for page in pages for each in page.get("Contents", []))
    return any(not key.endswith("/") and key.split("/")[-2] in classes for key in keys)
