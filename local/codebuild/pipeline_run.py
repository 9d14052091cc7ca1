"""What CodePipeline hands to a build of a project whose source is CODEPIPELINE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class S3Location:
    """One object; `version` is empty for the newest."""

    bucket: str
    key: str
    version: str = ""

    @property
    def arn(self) -> str:
        """The object's ARN, as BatchGetBuilds names an artifact's location."""
        return f"arn:aws:s3:::{self.bucket}/{self.key}"


@dataclass(frozen=True, kw_only=True)
class PipelineRun:
    """One action of one pipeline execution, as far as its build knows of it.

    `inputs` are the zips of the action's input artifacts by name; `primary` names the one that is unpacked
    to CODEBUILD_SRC_DIR, the others go to CODEBUILD_SRC_DIR_<name>. `outputs` is where the zips of the output
    artifacts go: a single one is made of the buildspec's `artifacts` (or of the secondary artifact of that
    name), several of the secondary artifacts of their names.
    """

    pipeline: str
    inputs: Mapping[str, S3Location]
    primary: str
    outputs: Mapping[str, S3Location] = field(default_factory=dict)
    encryption_key: str = ""  # ARN of the artifact store's key; empty: the project's own
    revision: str = ""  # of the primary source, CODEBUILD_RESOLVED_SOURCE_VERSION: a commit id, a version id
