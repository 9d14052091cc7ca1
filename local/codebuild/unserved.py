"""What a project or a start may ask of CodeBuild that this machine cannot do: refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.cloud.errors import AwsError

SOURCES = ("S3", "CODEPIPELINE", "CODECOMMIT", "NO_SOURCE")
_ENVIRONMENTS = ("LINUX_CONTAINER", "ARM_CONTAINER")
_OF_PROJECT = {
    "vpcConfig": "a build runs in this machine's own network",
    "fileSystemLocations": "there is no EFS",
    "buildBatchConfig": "there are no batch builds",
    "badgeEnabled": "there are no badges",
    "autoRetryLimit": "a failed build is not retried by itself",
    "webhook": "there are no webhooks",
}
_OF_ENVIRONMENT = {
    "privilegedMode": "there is no Docker",
    "fleet": "there are no compute fleets",
    "dockerServer": "there is no Docker",
    "registryCredential": "no image is pulled",
    "certificate": "there is no image to put it in",
    "hostKernel": "a build runs on this machine's own kernel",
}


def check(project: Mapping[str, Any]) -> None:
    """Raise AwsError InvalidInputException for what a build of this project would need and not get."""
    name = project["name"]
    _refuse_keys(name, project, _OF_PROJECT)
    environment = project["environment"]
    _refuse_keys(name, environment, _OF_ENVIRONMENT)
    _one_of(name, "environment.type", environment["type"], _ENVIRONMENTS)
    if not environment["image"].startswith("aws/codebuild/"):
        raise refused(name, f"environment.image {environment['image']}: only CodeBuild's own have a stand-in")
    _one_of(name, "source.type", project["source"]["type"], SOURCES)
    for source in project.get("secondarySources", []):
        _one_of(name, "secondarySources.type", source["type"], ("S3", "CODECOMMIT"))
    _one_of(name, "cache.type", project.get("cache", {}).get("type", "NO_CACHE"), ("NO_CACHE", "LOCAL"))
    if project.get("logsConfig", {}).get("s3Logs", {}).get("status") == "ENABLED":
        raise refused(name, "logsConfig.s3Logs: a log goes to CloudWatch Logs")
    _check_pairs(name, project)


def refused(name: str, what: str) -> AwsError:
    """Return the error for a project that asks for `what`."""
    return AwsError("InvalidInputException", f"project {name}: {what} (not served by the local cloud)")


def _check_pairs(name: str, project: Mapping[str, Any]) -> None:
    source, artifacts = project["source"], project["artifacts"]
    if (source["type"] == "CODEPIPELINE") != (artifacts["type"] == "CODEPIPELINE"):
        message = "source and artifacts are both of type CODEPIPELINE, or neither"
        raise AwsError("InvalidInputException", f"project {name}: {message}")
    if source["type"] in ("S3", "CODECOMMIT") and not source.get("location"):
        raise AwsError("InvalidInputException", f"project {name}: the source has no location")
    if source["type"] == "NO_SOURCE" and not source.get("buildspec"):
        raise AwsError("InvalidInputException", f"project {name}: without a source, the buildspec is inline")
    if artifacts["type"] == "S3" and not artifacts.get("location"):
        raise AwsError("InvalidInputException", f"project {name}: the artifacts have no location")


def _refuse_keys(name: str, given: Mapping[str, Any], unserved: Mapping[str, str]) -> None:
    for key, why in unserved.items():
        if given.get(key):
            raise refused(name, f"{key}: {why}")


def _one_of(name: str, what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise refused(name, f"{what} {value}: only {', '.join(allowed)}")
