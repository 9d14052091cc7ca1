"""Make sure that what a package names is what was registered, byte by byte, before anything is deployed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lambdas.common.objects import read_json, split_uri
from lambdas.common.packages import UnusablePackage
from lambdas.promotion.tasks import CLASSIFICATION

_BLOCK = 1 << 20
_GONE = ("NoSuchKey", "NoSuchBucket", "404")


class ArtifactMissing(Exception):  # noqa: N818 - the name that the state machine reports
    """An object that the package names is gone; the message names it."""


class ArtifactChanged(Exception):  # noqa: N818 - the name that the state machine reports
    """An object is not the one that was evaluated and registered; the message names it and both hashes."""


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Hash the model, the data set manifest and the test set's labels as they lie there now.

    Of a classifier also what those name by hash: the list of pictures, the test set's records, its labels.

    In: {"package": what read_model_package gave}.
    Out: {"model_sha256", "dataset_sha256"}. Raises ArtifactMissing, ArtifactChanged, UnusablePackage.
    """
    package, s3 = event["package"], boto3.client("s3")
    evaluation = _read(s3, package["evaluation"])
    model = _hash(s3, package["model_data"])
    _same(package["model_data"], model, evaluation.get("model_sha256"), "its evaluation measured")
    measured_on = (evaluation.get("dataset") or {}).get("manifest_sha256")
    manifest = _read(s3, package["dataset_manifest"])
    dataset = manifest_sha256(manifest)
    _same(package["dataset_manifest"], dataset, measured_on, "its evaluation was measured on")
    test_set = package["test_set"].rstrip("/")
    labels = _read(s3, f"{test_set}/labels.json")
    measured = "its evaluation was measured on"
    _same(f"{test_set}/labels.json", labels.get("dataset_sha256"), measured_on, measured)
    if package.get("task") == CLASSIFICATION.name:
        _check_classifier(s3, package, manifest, labels)
    return {"model_sha256": model, "dataset_sha256": dataset}


def _check_classifier(
    s3: Any, package: Mapping[str, Any], manifest: Mapping[str, Any], labels: Mapping[str, Any]
) -> None:
    """Hash what manifest and labels name: a million pictures are listed in a file of their own."""
    folder, test_set = package["dataset_manifest"].rpartition("/")[0], package["test_set"].rstrip("/")
    for place, named, by in (
        (folder, manifest["images"], "its data set's manifest has"),
        (test_set, labels.get("records") or {}, "the test set's labels.json has"),
    ):
        if named:
            uri = f"{place}/{named['file']}"
            _same(uri, _hash(s3, uri), named.get("sha256"), by)
    uri = f"{test_set}/label_map.json"
    own = _read(s3, uri)
    _same(uri, labels_sha256(own.get("labels", ())), package["label_map_sha256"], "its package has")


def labels_sha256(labels: Sequence[str]) -> str:
    """Hash labels in their order as label maps do: canonical JSON in UTF-8."""
    canonical = json.dumps(list(labels), separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def manifest_sha256(manifest: Mapping[str, Any]) -> str:
    """Hash a data set manifest as its own field says it was: canonical JSON without that field."""
    document = {name: value for name, value in manifest.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _same(uri: str, found: str | None, recorded: str | None, by: str) -> None:
    if recorded is None:
        raise UnusablePackage(f"{uri}: what {by} is not said in it; it is too old, train the model anew")
    if found != recorded:
        raise ArtifactChanged(f"{uri}: its SHA-256 is {found}, but {by} {recorded}")


def _read(s3: Any, uri: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = read_json(s3, uri)
    except ClientError as error:
        raise _missing(uri, error) from error
    except ValueError as error:
        raise ArtifactChanged(f"{uri}: it is no JSON any more: {error}") from error
    return found


def _hash(s3: Any, uri: str) -> str:
    """Hash an object in blocks: a model need not fit into the function's memory."""
    bucket, key = split_uri(uri)
    digest = hashlib.sha256()
    try:
        for block in s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(_BLOCK):
            digest.update(block)
    except ClientError as error:
        raise _missing(uri, error) from error
    return digest.hexdigest()


def _missing(uri: str, error: ClientError) -> Exception:
    gone = error.response["Error"]["Code"] in _GONE
    return ArtifactMissing(f"{uri} is gone: restore it from the bucket's versions") if gone else error
