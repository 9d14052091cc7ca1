"""What a start asks for, laid over its project, and the build that comes of it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.codebuild import unserved
from local.codebuild.pipeline_run import PipelineRun
from local.codebuild.record import Build

# StartBuild's parameters that are laid over a member of the project, given by its path.
_OVERRIDES = {
    "artifactsOverride": ("artifacts",),
    "buildspecOverride": ("source", "buildspec"),
    "cacheOverride": ("cache",),
    "computeTypeOverride": ("environment", "computeType"),
    "encryptionKeyOverride": ("encryptionKey",),
    "environmentTypeOverride": ("environment", "type"),
    "fleetOverride": ("environment", "fleet"),
    "imageOverride": ("environment", "image"),
    "logsConfigOverride": ("logsConfig",),
    "privilegedModeOverride": ("environment", "privilegedMode"),
    "queuedTimeoutInMinutesOverride": ("queuedTimeoutInMinutes",),
    "secondaryArtifactsOverride": ("secondaryArtifacts",),
    "secondarySourcesOverride": ("secondarySources",),
    "secondarySourcesVersionOverride": ("secondarySourceVersions",),
    "serviceRoleOverride": ("serviceRole",),
    "sourceLocationOverride": ("source", "location"),
    "sourceTypeOverride": ("source", "type"),
    "sourceVersion": ("sourceVersion",),
    "timeoutInMinutesOverride": ("timeoutInMinutes",),
}
_ELSEWHERE = ("environmentVariablesOverride", "idempotencyToken")
_TOLD = (
    "source", "secondarySources", "sourceVersion", "secondarySourceVersions", "cache", "environment",
    "serviceRole", "timeoutInMinutes", "queuedTimeoutInMinutes", "encryptionKey",
)  # fmt: skip


def effective(
    project: Mapping[str, Any], asked: Mapping[str, Any], pipeline: PipelineRun | None
) -> dict[str, Any]:
    """Return the project as this build has it; AwsError InvalidInputException for what cannot be done."""
    changed: dict[str, Any] = copy.deepcopy(dict(project))
    for key, value in asked.items():
        if key in _ELSEWHERE:
            continue
        if key not in _OVERRIDES:
            raise AwsError("InvalidInputException", f"StartBuild: {key} is not served by the local cloud")
        *parents, last = _OVERRIDES[key]
        place = changed
        for parent in parents:
            place = place[parent]
        place[last] = value
    if pipeline:
        buildspec = {k: v for k, v in changed["source"].items() if k == "buildspec"}
        changed |= {"source": {"type": "CODEPIPELINE", **buildspec}, "artifacts": {"type": "CODEPIPELINE"}}
    elif changed["source"]["type"] == "CODEPIPELINE":
        message = f"project {project['name']}: its source is CODEPIPELINE, so only a pipeline starts it"
        raise AwsError("InvalidInputException", message)
    unserved.check(changed)
    return changed


def described(
    project: Mapping[str, Any], call: Call, unique: str, number: int, pipeline: PipelineRun | None
) -> Build:
    """Return the build of a project in the form of the API, before it has begun."""
    build: Build = {key: project[key] for key in _TOLD if project.get(key) not in (None, "", [])}
    name = project["name"]
    return build | {
        "id": f"{name}:{unique}",
        "arn": call.arn("codebuild", f"build/{name}:{unique}"),
        "buildNumber": number,
        "startTime": datetime.now(UTC),
        "currentPhase": "SUBMITTED",
        "projectName": name,
        "initiator": f"codepipeline/{pipeline.pipeline}" if pipeline else _initiator(call.principal_arn),
        "logs": _logs(project, unique),
        "artifacts": _artifact(project["artifacts"]),
        "secondaryArtifacts": [_artifact(artifact) for artifact in project.get("secondaryArtifacts", [])],
    }


def _artifact(artifact: Mapping[str, Any]) -> dict[str, Any]:
    told = ("artifactIdentifier", "encryptionDisabled", "overrideArtifactName")
    parts = [artifact.get("location", "").removeprefix("arn:aws:s3:::"), artifact.get("path", "").strip("/")]
    where = "/".join(filter(None, [*parts, artifact.get("name", "")])) if parts[0] else ""
    location = {"location": f"arn:aws:s3:::{where}" if where else ""}
    return location | {key: artifact[key] for key in told if key in artifact}


def _initiator(principal_arn: str) -> str:
    kind, _, rest = principal_arn.rpartition(":")[2].partition("/")
    return rest if kind in ("user", "assumed-role") else kind


def _logs(project: Mapping[str, Any], unique: str) -> dict[str, Any]:
    wanted = project.get("logsConfig", {}).get("cloudWatchLogs", {"status": "ENABLED"})
    if wanted.get("status") == "DISABLED":
        return {"cloudWatchLogs": wanted}
    group = wanted.get("groupName") or f"/aws/codebuild/{project['name']}"
    prefix = wanted.get("streamName")
    return {
        "groupName": group,
        "streamName": f"{prefix}/{unique}" if prefix else unique,
        "cloudWatchLogs": wanted,
    }
