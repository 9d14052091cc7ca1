"""What a build leaves: artifacts, zipped or not, on S3."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError

from local.codebuild.archive import pack
from local.codebuild.buildspec import Buildspec, Files
from local.codebuild.file_set import selected
from local.codebuild.phase_error import PhaseError, refusal
from local.codebuild.pipeline_run import PipelineRun, S3Location

NOTHING_FOUND = "no matching artifact paths found"


@dataclass(frozen=True)
class Target:
    """Where one artifact goes: as a zip to `place`, or its files under it; `key` encrypts them."""

    files: Files
    place: S3Location
    zipped: bool
    encryption_key: str


def pipeline_targets(run: PipelineRun, buildspec: Buildspec, key: str) -> list[Target]:
    """Return where the output artifacts of a pipeline's action go; PhaseError for one not described."""
    targets = []
    for name, place in run.outputs.items():
        files = buildspec.secondary_artifacts.get(name)
        if files is None and len(run.outputs) == 1:
            files = buildspec.artifacts
        if files is None:
            raise PhaseError("CLIENT_ERROR", f"the buildspec has no artifacts for the output artifact {name}")
        targets.append(Target(files, place, True, run.encryption_key or key))
    return targets


def project_targets(
    project: Mapping[str, Any], build_id: str, buildspec: Buildspec, expanded: Callable[[str], str]
) -> list[Target]:
    """Return where the artifacts of a project go; `expanded` has the shell expand a buildspec's name."""
    primary = project["artifacts"]
    pairs = [(primary, buildspec.artifacts, "artifacts")] if primary["type"] == "S3" else []
    for artifact in project.get("secondaryArtifacts", []):
        name = artifact.get("artifactIdentifier", "")
        pairs.append((artifact, buildspec.secondary_artifacts.get(name), f"secondary artifact {name}"))
    targets = []
    for artifact, files, what in pairs:
        if files is None:
            raise PhaseError("CLIENT_ERROR", f"the buildspec does not describe the {what} of the project")
        name = expanded(files.name) if artifact.get("overrideArtifactName") and files.name else ""
        place = _place(artifact, name or artifact.get("name", project["name"]), build_id)
        key = "" if artifact.get("encryptionDisabled") else project["encryptionKey"]
        targets.append(Target(files, place, artifact.get("packaging") == "ZIP", key))
    return targets


def upload(target: Target, root: Path, scratch: Path, s3: Any) -> None:
    """Put one artifact on S3; raises PhaseError, also where its patterns match no file."""
    files = selected(target.files, root)
    if not files:
        patterns = ", ".join(target.files.files)
        raise PhaseError("CLIENT_ERROR", f"{NOTHING_FOUND}: {patterns} in {target.files.base_directory}")
    place = target.place
    try:
        if target.zipped:
            archive = scratch / "artifact.zip"
            pack(files, archive)
            _put(s3, archive, place.bucket, place.key, target.encryption_key)
            archive.unlink()
            return
        for name, path in files.items():
            _put(s3, path, place.bucket, "/".join(filter(None, [place.key, name])), target.encryption_key)
    except (ClientError, S3UploadFailedError) as error:
        said = refusal(error) if isinstance(error, ClientError) else str(error)
        raise PhaseError("CLIENT_ERROR", f"s3:PutObject on {place.arn}: {said}") from error


def _place(artifact: Mapping[str, Any], name: str, build_id: str) -> S3Location:
    unique = build_id.rpartition(":")[2] if artifact.get("namespaceType") == "BUILD_ID" else ""
    parts = [artifact.get("path", "").strip("/"), unique, name.strip("/")]
    return S3Location(artifact["location"].removeprefix("arn:aws:s3:::"), "/".join(filter(None, parts)))


def _put(s3: Any, path: Path, bucket: str, key: str, encryption_key: str) -> None:
    # The key that S3 has of its own is what a bucket without a key of its own uses anyway.
    named = encryption_key and "alias/aws/" not in encryption_key
    extra = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": encryption_key} if named else None
    s3.upload_file(str(path), bucket, key, ExtraArgs=extra)
