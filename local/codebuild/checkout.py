"""The folder that a build works in: its sources, and the buildspec among them or beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.codebuild.buildspec import Buildspec, parse
from local.codebuild.phase_error import PhaseError
from local.codebuild.pipeline_run import PipelineRun, S3Location
from local.codebuild.sources import Source, Sources

_DEFAULT = "buildspec.yml"


@dataclass(frozen=True)
class Checkout:
    """The sources by their identifiers, the primary one apart, and the buildspec."""

    primary: Source
    secondary: Mapping[str, Source]
    buildspec: Buildspec

    @property
    def folder(self) -> Path:
        """Where the commands start: CODEBUILD_SRC_DIR."""
        return self.primary.folder

    @property
    def resolved(self) -> str:
        """The commit of the source, if it has one."""
        return self.primary.resolved

    def variables(self, build: Mapping[str, Any]) -> dict[str, str]:
        """Return the CODEBUILD_… variables of a build."""
        own = {
            "CODEBUILD_BUILD_ARN": build["arn"],
            "CODEBUILD_BUILD_ID": build["id"],
            "CODEBUILD_BUILD_IMAGE": build["environment"]["image"],
            "CODEBUILD_BUILD_NUMBER": str(build["buildNumber"]),
            "CODEBUILD_BUILD_SUCCEEDING": "1",
            "CODEBUILD_INITIATOR": build["initiator"],
            "CODEBUILD_KMS_KEY_ID": build["encryptionKey"],
            "CODEBUILD_LOG_PATH": build["logs"].get("streamName", ""),
            "CODEBUILD_RESOLVED_SOURCE_VERSION": self.primary.resolved,
            "CODEBUILD_SOURCE_REPO_URL": self.primary.url,
            "CODEBUILD_SOURCE_VERSION": self.primary.version,
            "CODEBUILD_SRC_DIR": str(self.folder),
            "CODEBUILD_START_TIME": str(int(build["startTime"].timestamp() * 1000)),
        }
        for name, source in self.secondary.items():
            own[f"CODEBUILD_SRC_DIR_{name}"] = str(source.folder)
            own[f"CODEBUILD_SOURCE_REPO_URL_{name}"] = source.url
            own[f"CODEBUILD_SOURCE_VERSION_{name}"] = source.version
        return {name: value for name, value in own.items() if value}


def check_out(
    build: Mapping[str, Any], pipeline: PipelineRun | None, sources: Sources, work: Path
) -> Checkout:
    """Fetch the sources under `work` and read the buildspec; raises PhaseError and BuildspecError."""
    if pipeline:
        primary, secondary = _from_pipeline(pipeline, sources, work)
    else:
        primary = sources.fetch(build["source"], build.get("sourceVersion", ""), work / "src")
        versions = {
            item["sourceIdentifier"]: item["sourceVersion"]
            for item in build.get("secondarySourceVersions", [])
        }
        secondary = {
            name: sources.fetch(source, versions.get(name, ""), work / f"src-{name}")
            for source in build.get("secondarySources", [])
            for name in [source["sourceIdentifier"]]
        }
    text = _buildspec(build["source"].get("buildspec", ""), primary.folder, sources)
    return Checkout(primary, secondary, parse(text))


def _from_pipeline(run: PipelineRun, sources: Sources, work: Path) -> tuple[Source, dict[str, Source]]:
    fetched = {}
    for name, place in run.inputs.items():
        own = name == run.primary
        folder = work / ("src" if own else f"src-{name}")
        sources.fetch_zip(place, folder)
        fetched[name] = Source(folder, "", place.arn, run.revision if own else "")
    if run.primary not in fetched:
        raise PhaseError("CLIENT_ERROR", f"the action has no input artifact {run.primary!r}, its primary one")
    return fetched.pop(run.primary), fetched


def _buildspec(given: str, folder: Path, sources: Sources) -> str:
    """Return the text of a buildspec that is given as itself, as a path in the source, or as an S3 ARN."""
    if "\n" in given or given.lstrip().startswith(("{", "version")):
        return given
    if given.startswith("arn:aws:s3:::"):
        bucket, _, key = given.removeprefix("arn:aws:s3:::").partition("/")
        return sources.read_text(S3Location(bucket, key))
    path = folder / (given or _DEFAULT)
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise PhaseError("YAML_FILE_ERROR", f"stat {path}: {error.strerror}") from error
