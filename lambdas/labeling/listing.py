"""The pictures of the images bucket, as S3 lists them."""

from collections.abc import Iterator
from typing import Any, NamedTuple


class Listed(NamedTuple):
    """A picture in a listing."""

    key: str
    etag: str


def listed(s3: Any, bucket: str, model: str, after: str = "") -> Iterator[Listed]:
    """A model's pictures by key, page by page, from the one after `after` on."""
    start = {"StartAfter": after} if after else {}
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"images/{model}/", **start)
    for page in pages:
        for item in page.get("Contents", ()):
            if is_picture(item["Key"]):
                yield Listed(item["Key"], item["ETag"])


def is_picture(key: str) -> bool:
    """Tell whether an object is one that is uploaded to be labelled, and no folder's own marker."""
    return model_of(key) is not None


def model_of(key: str) -> str | None:
    """The model that a picture is for: images/<model>/...; None if the object is no picture."""
    folder, _, rest = key.partition("/")
    model, _, name = rest.partition("/")
    return model if folder == "images" and model and name and not key.endswith("/") else None
