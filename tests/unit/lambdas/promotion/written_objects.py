"""An S3 in memory with what evidence needs: conditional writes, hashes, listings, denials."""

import base64
import hashlib
import io
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody


class WrittenObjects:
    """Objects by URI; `denied` URIs cannot be read, `hashed` ones have a SHA-256 that S3 keeps."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.metadata: dict[str, dict[str, str]] = {}
        self.denied: set[str] = set()
        self.hashed: set[str] = set()
        self.read: list[str] = []

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **options: Any) -> None:  # noqa: N803
        uri = f"s3://{Bucket}/{Key}"
        if options.get("IfNoneMatch") == "*" and uri in self.objects:
            raise error("PreconditionFailed")
        self.objects[uri], self.metadata[uri] = Body, options.get("Metadata", {})

    def head_object(self, *, Bucket: str, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        uri = f"s3://{Bucket}/{Key}"
        content = self._content(uri, "404")
        found: dict[str, Any] = {"ContentLength": len(content), "Metadata": self.metadata.get(uri, {})}
        if uri in self.hashed:
            found["ChecksumSHA256"] = base64.b64encode(hashlib.sha256(content).digest()).decode()
        return found

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        uri = f"s3://{Bucket}/{Key}"
        content = self._content(uri, "NoSuchKey")
        self.read.append(uri)
        body = StreamingBody(io.BytesIO(content), len(content))
        return {"Body": body, "ContentLength": len(content)}

    def get_paginator(self, _operation: str) -> "WrittenObjects":
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        bucket = f"s3://{Bucket}/"
        found = [uri.removeprefix(bucket) for uri in self.objects if uri.startswith(f"{bucket}{Prefix}")]
        yield {"Contents": [{"Key": key} for key in sorted(found)]}

    def _content(self, uri: str, missing: str) -> bytes:
        if uri in self.denied:
            raise error("AccessDenied")
        if uri not in self.objects:
            raise error(missing)
        return self.objects[uri]


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": f"it is {code}"}}, "Operation")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
