"""The objects that a release's record names, each with the SHA-256 that it has at that time."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from lambdas.common.objects import read_bytes, split_uri

_BLOCK = 1 << 20
_UNREADABLE = ("NoSuchKey", "NoSuchBucket", "404", "AccessDenied", "403")


@dataclass(frozen=True)
class Named:
    """What a record names: what every package has, "" where that is not known, and what else is there."""

    manifest: str
    evaluation: str
    model: str
    approval_pages: tuple[str, ...]
    others: tuple[str, ...]


def named_objects(s3: Any, promotion: Mapping[str, Any], folder: str) -> Named:
    """Name the objects behind a promotion, as far as it came; `folder` is the release's own, an s3:// URI."""
    package = promotion.get("package") or {}
    evaluation, test_set = package.get("evaluation", ""), package.get("test_set", "").rstrip("/")
    results = (package.get("test") or {}).get("results", "")
    others: list[str] = []
    if evaluation:
        others += _under(s3, f"{evaluation.rpartition('/')[0]}/predictions.json")
    if test_set:
        others += _under(s3, f"{test_set}/labels.json")
    if results:
        others += _under(s3, f"{results}/")
    others += _under(s3, f"{folder}/comparison/")
    return Named(
        manifest=package.get("dataset_manifest", ""),
        evaluation=evaluation,
        model=package.get("model_data", ""),
        approval_pages=tuple(_under(s3, f"{folder}/approval")),
        others=tuple(others),
    )


def evidence_objects(s3: Any, named: Named) -> dict[str, Any]:
    """Hash what is named: {"dataset", "model_data", "approval_pages", "hashes", "unread"}.

    What cannot be read is in "unread" with the reason: a promotion that failed on it needs its record too.
    """
    hashes: dict[str, str] = {}
    unread: dict[str, str] = {}
    sizes: dict[str, int] = {}
    required = [uri for uri in (named.manifest, named.evaluation, named.model) if uri]
    for uri in [*required, *named.approval_pages, *named.others]:
        try:
            sizes[uri], hashes[uri] = _size_and_sha256(s3, uri)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _UNREADABLE:
                raise
            unread[uri] = str(error)
    return {
        "dataset": {"manifest": named.manifest, "sha256": _own_hash(s3, named.manifest, hashes)},
        "model_data": {
            "uri": named.model,
            "bytes": sizes.get(named.model),
            "sha256": hashes.get(named.model, ""),
        },
        "approval_pages": list(named.approval_pages),
        "hashes": hashes,
        "unread": unread,
    }


def _own_hash(s3: Any, manifest: str, hashes: Mapping[str, str]) -> str:
    """The hash by which evaluations and components name the manifest: of its content, without this field."""
    if manifest not in hashes:
        return ""
    try:
        return str(json.loads(read_bytes(s3, manifest))["sha256"])
    except (ValueError, KeyError, TypeError):
        return ""


def _size_and_sha256(s3: Any, uri: str) -> tuple[int, str]:
    """Take the hash that S3 keeps of the whole object, where it has one, and else read the object."""
    bucket, key = split_uri(uri)
    head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    kept = head.get("ChecksumSHA256", "")
    # That of an upload in parts is a hash of hashes, with the number of parts behind it.
    if kept and "-" not in kept:
        return int(head["ContentLength"]), base64.b64decode(kept).hex()
    digest = hashlib.sha256()
    for block in s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(_BLOCK):
        digest.update(block)
    return int(head["ContentLength"]), digest.hexdigest()


def _under(s3: Any, prefix: str) -> list[str]:
    """List what is under a prefix; the prefix itself, which will not be readable, where that is denied."""
    bucket, key = split_uri(prefix)
    try:
        pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key))
    except ClientError as error:
        if error.response["Error"]["Code"] not in _UNREADABLE:
            raise
        return [prefix]
    return [f"s3://{bucket}/{entry['Key']}" for page in pages for entry in page.get("Contents", ())]
