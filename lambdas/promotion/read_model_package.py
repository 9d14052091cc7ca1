"""Read the model package that a promotion is about, and make sure that it is still approved."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lambdas.common import environment
from lambdas.common.objects import read_json
from lambdas.common.packages import (
    PackageArn,
    UnusablePackage,
    container,
    describe_approved,
    metadata,
    require_digest,
)
from lambdas.promotion.endpoints import release_name
from lambdas.promotion.settings import ModelSettings, model_settings
from lambdas.promotion.tasks import Task, task_named


@dataclass(frozen=True)
class Environment:
    """The configured models, and where test results go."""

    models: str
    artifacts_bucket: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Describe exactly the event's package, as long as it is what was approved.

    In: {"model_package_arn", "model", "execution", "approved_by", "digest": of what was approved}.
    Out: {"arn", "model", "version", "release", "image", "model_data", "approved_by", "dataset_manifest",
    "evaluation", "test_set", "dataset", "code", "git_commit", "task", what packages of the task have besides,
    "registered": {its metrics, "empty_share", "mean_score"}, "test": {"job", "instance", "entrypoint",
    "evaluation", "results"}}; a number is null where an older evaluation lacks it.
    Raises NoLongerApproved, PackageChanged, UnusablePackage, UnknownModel.
    """
    configured = environment.read(Environment)
    settings = model_settings(configured.models, event["model"])
    package = describe_approved(boto3.client("sagemaker"), event["model_package_arn"])
    require_digest(package, event["digest"])
    found = summary(package, event["model"], settings)
    return {
        **found,
        "approved_by": event["approved_by"],
        "registered": registered(boto3.client("s3"), found["evaluation"], task_named(settings.task)),
        "test": staging_test(
            package, event["model"], settings, configured.artifacts_bucket, event["execution"]
        ),
    }


def summary(package: Mapping[str, Any], model: str, settings: ModelSettings) -> dict[str, Any]:
    """Keep of a package's description what the promotion needs; UnusablePackage if something is missing."""
    arn = PackageArn.parse(package["ModelPackageArn"])
    if arn.group != settings.group:
        raise UnusablePackage(f"{package['ModelPackageArn']} is not in {settings.group}, where {model!r} is")
    of_task = task_named(settings.task).metadata
    return {
        "arn": package["ModelPackageArn"],
        "model": model,
        "version": arn.version,
        "release": release_name(package["ModelPackageArn"], arn.version, package["CreationTime"]),
        "image": container(package)["Image"],
        "model_data": container(package)["ModelDataUrl"],
        "git_commit": (package.get("CustomerMetadataProperties") or {}).get("git_commit", ""),
        "task": settings.task,
        **metadata(package, "dataset_manifest", "evaluation", "test_set", "dataset", "code", *of_task),
    }


def staging_test(
    package: Mapping[str, Any], model: str, settings: ModelSettings, artifacts_bucket: str, execution: str
) -> dict[str, Any]:
    """Plan the job that tests staging: its name (at most 63 characters), its machine, its program, the
    training's own evaluation, its output.
    """
    arn = PackageArn.parse(package["ModelPackageArn"])
    digest = hashlib.sha256(execution.encode()).hexdigest()[:12]
    return {
        "job": f"{settings.group[:40].rstrip('-')}-v{arn.version}-{digest}",
        "instance": settings.test_instance,
        "entrypoint": task_named(settings.task).entrypoint(model),
        "evaluation": metadata(package, "evaluation")["evaluation"].rpartition("/")[0],
        "results": f"s3://{artifacts_bucket}/releases/{model}/{arn.version}/staging/{digest}",
    }


def registered(s3: Any, evaluation: str, task: Task) -> dict[str, float | None]:
    """Read the numbers that prod is held to; UnusablePackage where the evaluation is gone."""
    try:
        document = read_json(s3, evaluation)
    except ClientError as error:
        raise UnusablePackage(f"{evaluation} cannot be read: {error}") from error
    answers = document.get("answers") or {}
    return {
        **{metric: document[metric] for metric in task.metrics},
        "empty_share": answers.get("empty_share"),
        "mean_score": answers.get("mean_score"),
    }
