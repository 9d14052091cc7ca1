"""Publish a folder of the repository to a bucket, with what only the deployment knows: a custom resource.

The page goes to the root of its own bucket, with its settings; the examples of how to draw go under a prefix
of the images bucket, with the guide that names them.
"""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import boto3

from lambdas.common.custom_resource import answer

CONTENT_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
# Names carry no hash of the content: a browser asks each time whether what it has is still good.
_CACHED = "no-cache"


class CannotPublish(Exception):  # noqa: N818 - the name that CloudFormation shows
    """The folder holds what cannot be served."""


@dataclass(frozen=True)
class Publication:
    """What is to be under a prefix of a bucket, and nothing else: the asset's files, and documents."""

    bucket: str
    prefix: str
    files: Mapping[str, bytes]
    documents: Mapping[str, Any]


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Answer CloudFormation, whatever happens; safe to repeat.

    In: CloudFormation's request; ResourceProperties {"Bucket", "Prefix": "" or "examples/",
        "Asset": {"Bucket", "Key"} of a zip, or left out, "Documents": {"settings.json": {...}}}.
    Out: nothing; the answer goes to the request's ResponseURL.

    A deletion takes nothing away here: the bucket is emptied, where it is to go, by its own teardown.
    """
    del context
    answer(event, lambda: _act(event))


def _act(event: Mapping[str, Any]) -> None:
    if event["RequestType"] == "Delete":
        return
    properties, s3 = event["ResourceProperties"], boto3.client("s3")
    asset = properties.get("Asset")
    publication = Publication(
        bucket=properties["Bucket"],
        prefix=properties["Prefix"],
        files=dict(unpacked(_read(s3, asset))) if asset else {},
        documents=properties["Documents"],
    )
    publish(s3, publication)


def publish(s3: Any, publication: Publication) -> None:
    """Put what is new in place before the page that asks for it, and take away what is old after that."""
    documents = {name: json.dumps(document).encode() for name, document in publication.documents.items()}
    contents = {**publication.files, **documents}
    types = {name: content_type(name) for name in contents}
    for name in _pages_last(contents):
        s3.put_object(
            Bucket=publication.bucket,
            Key=f"{publication.prefix}{name}",
            Body=contents[name],
            ContentType=types[name],
            CacheControl=_CACHED,
        )
    wanted = {f"{publication.prefix}{name}" for name in contents}
    for key in _keys(s3, publication.bucket, publication.prefix):
        if key not in wanted:
            s3.delete_object(Bucket=publication.bucket, Key=key)


def unpacked(archive: bytes) -> Iterator[tuple[str, bytes]]:
    """The files of a zip; CannotPublish where one's name leads out of it."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        for entry in opened.infolist():
            if entry.is_dir():
                continue
            path = PurePosixPath(entry.filename)
            if path.is_absolute() or ".." in path.parts:
                raise CannotPublish(f"{entry.filename}: leads out of the folder that is published")
            yield entry.filename, opened.read(entry)


def content_type(name: str) -> str:
    """The content type of a file's name; CannotPublish where a browser would be told none."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in CONTENT_TYPES:
        raise CannotPublish(f"{name}: what a browser is to do with {suffix or 'no suffix'} is not known here")
    return CONTENT_TYPES[suffix]


def _pages_last(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (name.endswith(".html"), name))


def _keys(s3: Any, bucket: str, prefix: str) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [item["Key"] for page in pages for item in page.get("Contents", [])]


def _read(s3: Any, asset: Mapping[str, str]) -> bytes:
    found: bytes = s3.get_object(Bucket=asset["Bucket"], Key=asset["Key"])["Body"].read()
    return found
