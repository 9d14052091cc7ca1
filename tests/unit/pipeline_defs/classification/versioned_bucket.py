"""As much of S3 as a data set's check asks of it: objects with versions, listed by pages."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody


@dataclass
class VersionedBucket:
    """Objects by key, each a list of versions (newest last); a deleted one is None."""

    versions: dict[str, list[tuple[str, bytes | None]]] = field(default_factory=dict)
    page: int = 3
    denied: frozenset[str] = frozenset()

    def put(self, key: str, content: bytes | None) -> str:
        number = f"v{sum(map(len, self.versions.values()))}"
        self.versions.setdefault(key, []).append((number, content))
        return number

    def forget(self, key: str) -> None:
        """Delete every version for good."""
        del self.versions[key]

    def get_object(self, *, Bucket: str, Key: str, VersionId: str | None = None) -> dict[str, Any]:  # noqa: N803
        if Key in self.denied:
            raise error("AccessDenied")
        kept = self.versions.get(Key, [])
        found = kept[-1:] if VersionId is None else [each for each in kept if each[0] == VersionId]
        if not found or found[0][1] is None:
            raise error("NoSuchVersion" if VersionId else "NoSuchKey")
        number, content = found[0]
        return {"Body": StreamingBody(io.BytesIO(content or b""), len(content or b"")), "VersionId": number}

    def get_paginator(self, operation: str) -> "VersionedBucket":
        assert operation == "list_object_versions"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        listed = [
            {"Key": key, "VersionId": number, "IsLatest": number == kept[-1][0], "Size": len(content)}
            for key, kept in sorted(self.versions.items())
            for number, content in kept
            if key.startswith(Prefix) and content is not None
        ]
        for start in range(0, len(listed), self.page):
            yield {"Versions": listed[start : start + self.page]}
        yield {}


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "GetObject")
