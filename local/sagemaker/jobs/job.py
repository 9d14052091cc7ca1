"""What a processing job and a training job have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from local.sagemaker.jobs.checkpoints import Checkpoints
from local.sagemaker.jobs.container_folder import ContainerFolder

Cause = Literal["exited", "stopped", "timed out", "interrupted"]


@dataclass(frozen=True)
class Command:
    """The program of a job, as it starts on this machine."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: Path


@dataclass(frozen=True)
class Place:
    """Where one job runs: its name and ARN, its folder, its S3 client and its credentials as environment."""

    name: str
    arn: str
    region: str
    folder: ContainerFolder
    s3: Any
    credentials: Mapping[str, str]


class JobKind(Protocol):
    """How one kind of job differs: its words and what it does before, as and after its program runs."""

    name: str  # in ARNs: processing-job
    word: str  # in fields and events: ProcessingJob
    log_group: str

    def check(self, request: Mapping[str, Any]) -> None:
        """Refuse by name what cannot be run here (AwsError)."""

    def promised(self, request: Mapping[str, Any], name: str) -> dict[str, Any]:
        """Give the fields that Describe tells of the results before there are any."""

    def download(self, request: Mapping[str, Any], place: Place) -> None:
        """Lay out the job's folder with its inputs."""

    def checkpoints(self, request: Mapping[str, Any], place: Place) -> Checkpoints | None:
        """Give the folder of checkpoints, None where the job has none."""

    def command(self, request: Mapping[str, Any], place: Place) -> Command:
        """Give the program to run."""

    def upload(self, request: Mapping[str, Any], place: Place) -> dict[str, Any]:
        """Keep the results on S3 and give the fields that Describe tells of them."""
