"""Plan how a package that waits for approval is compared with the one that prod serves."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lambdas.common import environment
from lambdas.common.packages import PackageArn, UnusablePackage, container, metadata
from lambdas.promotion.failures import reason_of
from lambdas.promotion.settings import ModelSettings, model_settings
from lambdas.promotion.tasks import task_named


@dataclass(frozen=True)
class Environment:
    """The configured models, and where comparisons go."""

    models: str
    artifacts_bucket: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Describe both packages, and the job that evaluates prod's model on the new one's test set.

    In: {"execution", "request": the whole state}; its "prod" is what read_endpoint gave, if it did.
    Out: {"compare": bool, "remark": why not, or "", "new": {"arn", "version", "registered_at", "git_commit",
    "dataset_manifest", "evaluation", "test_set"}, "prod": the same or null, "comparison": {"job", "instance",
    "entrypoint", "image", "code", "test_set", "dataset", "model", "results"} | null}.
    Raises UnusablePackage, UnknownModel.
    """
    configured = environment.read(Environment)
    request = event["request"]
    settings = model_settings(configured.models, request["model"])
    sagemaker = boto3.client("sagemaker")
    waiting = sagemaker.describe_model_package(ModelPackageName=request["model_package_arn"])
    new = described(waiting)
    serving, remark = _serving(sagemaker, request)
    planned: dict[str, Any] = {
        "new": new,
        "compare": False,
        "remark": remark,
        "prod": None,
        "comparison": None,
    }
    if serving is None:
        return planned
    planned["prod"] = described(serving)
    if planned["prod"]["arn"] == new["arn"]:
        return {**planned, "remark": "Prod serves this very version."}
    folder = f"s3://{configured.artifacts_bucket}/releases/{request['model']}/{new['version']}"
    comparison = job(
        waiting, serving, settings, request["model"], folder=folder, execution=event["execution"]
    )
    return {**planned, "compare": True, "comparison": comparison}


def described(package: Mapping[str, Any]) -> dict[str, Any]:
    """Keep of a package's description what the page says of it."""
    arn = PackageArn.parse(package["ModelPackageArn"])
    return {
        "arn": package["ModelPackageArn"],
        "version": arn.version,
        "registered_at": package["CreationTime"].astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "git_commit": (package.get("CustomerMetadataProperties") or {}).get("git_commit", ""),
        **metadata(package, "dataset_manifest", "evaluation", "test_set"),
    }


def job(
    new: Mapping[str, Any],
    prod: Mapping[str, Any],
    settings: ModelSettings,
    model: str,
    *,
    folder: str,
    execution: str,
) -> dict[str, Any]:
    """Plan the job, with the new package's code, container and test set: one rule measures both."""
    digest = hashlib.sha256(execution.encode()).hexdigest()[:12]
    return {
        "job": f"{job_prefix(settings.group)}{digest}",
        "instance": settings.test_instance,
        "entrypoint": task_named(settings.task).entrypoint(model),
        "image": container(new)["Image"],
        "model": container(prod)["ModelDataUrl"],
        "results": f"{folder}/comparison/{digest}",
        **metadata(new, "code", "test_set", "dataset"),
    }


def job_prefix(group: str) -> str:
    """What the names of a group's comparison jobs begin with; a name has at most 63 characters."""
    return f"{group[:40].rstrip('-')}-compare-"


def _serving(sagemaker: Any, request: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, str]:
    """Describe what prod serves; None, and why there is nothing to compare with."""
    if failure := request.get("failure"):
        return None, f"What prod serves could not be read: {reason_of(failure)}"
    arn = request["prod"]["model_package"]
    if not arn:
        return None, "Prod serves nothing yet: there is nothing to compare with."
    try:
        found = sagemaker.describe_model_package(ModelPackageName=arn)
        container(found), metadata(found, "dataset_manifest", "evaluation", "test_set")
    except (ClientError, UnusablePackage) as error:
        return None, f"Prod serves {arn}, which cannot be compared with: {error}"
    return found, ""
