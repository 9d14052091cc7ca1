"""Make a Greengrass component of exactly one model package."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.objects import read_bytes, read_json
from lambdas.common.packages import PackageArn, container, describe_approved, metadata
from lambdas.edge.components import (
    ARCHIVE,
    archive,
    component_arn,
    component_version,
    onnx_of,
    placeholders,
    render,
)


class ComponentConflict(Exception):  # noqa: N818 - the name that the state machine reports
    """A component of this version exists and holds another model."""


class ComponentNotReady(Exception):  # noqa: N818 - retried by the state machine under this name
    """The component is still being checked by Greengrass."""


class ComponentFailed(Exception):  # noqa: N818 - the name that the state machine reports
    """Greengrass refused the component."""


@dataclass(frozen=True)
class Environment:
    """Where components go, and what they are made of."""

    artifacts_bucket: str
    component_prefix: str
    model_recipe: str
    project: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Create the component version, or find it made from the same model; safe to repeat.

    In: {"model", "model_package_arn"}.
    Out: {"name", "version", "arn", "model_sha256"}.
    Raises NoLongerApproved, UnusablePackage, BrokenArtifact, BrokenRecipe, ComponentConflict,
    ComponentFailed, and ComponentNotReady while Greengrass is still at it.
    """
    settings = environment.read(Environment)
    package = describe_approved(boto3.client("sagemaker"), event["model_package_arn"])
    parts = PackageArn.parse(event["model_package_arn"])
    name, version = f"{settings.component_prefix}{event['model']}", component_version(parts.version)
    arn = component_arn(
        partition=parts.partition, region=parts.region, account=parts.account, name=name, version=version
    )
    s3 = boto3.client("s3")
    onnx = onnx_of(read_bytes(s3, container(package)["ModelDataUrl"]))
    digest = hashlib.sha256(onnx).hexdigest()
    greengrass = boto3.client("greengrassv2")
    if not _exists(greengrass, arn, digest):
        key = f"components/{name}/{version}/{ARCHIVE}"
        body = archive(onnx, _description(s3, package, event["model"]))
        s3.put_object(Bucket=settings.artifacts_bucket, Key=key, Body=body, ContentType="application/zip")
        uri = f"s3://{settings.artifacts_bucket}/{key}"
        recipe = render(settings.model_recipe, placeholders(name, version, uri))
        tags = {
            "model-package": event["model_package_arn"],
            "model-sha256": digest,
            "project": settings.project,
        }
        greengrass.create_component_version(inlineRecipe=recipe.encode(), tags=tags)
        _exists(greengrass, arn, digest)
    return {"name": name, "version": version, "arn": arn, "model_sha256": digest}


def _exists(greengrass: Any, arn: str, digest: str) -> bool:
    """Tell whether the component is there and can be deployed."""
    try:
        found = greengrass.describe_component(arn=arn)
    except greengrass.exceptions.ResourceNotFoundException:
        return False
    made_from = (found.get("tags") or {}).get("model-sha256")
    if made_from != digest:
        raise ComponentConflict(f"{arn} holds a model with SHA-256 {made_from}, this one has {digest}")
    status = found["status"]
    if status["componentState"] == "FAILED":
        raise ComponentFailed(f"{arn}: {status.get('message', '')} {status.get('errors', {})}")
    if status["componentState"] != "DEPLOYABLE":
        raise ComponentNotReady(f"{arn} is {status['componentState']}")
    return True


def _description(s3: Any, package: Mapping[str, Any], model: str) -> dict[str, Any]:
    uri = metadata(package, "dataset_manifest")["dataset_manifest"]
    manifest = read_json(s3, uri)
    return {
        "model": model,
        "model_package_arn": package["ModelPackageArn"],
        "dataset_manifest": uri,
        "dataset_sha256": manifest["sha256"],
        "classes": manifest["classes"],
    }
