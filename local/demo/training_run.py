"""Starts the training as the deployed CodeBuild project would, and follows the pipeline's execution.

CodeBuild's StartBuild is not served yet; this takes the project's own sources (its S3 asset), environment and
role, and runs the command of its build phase: the same script on the same input.
"""

import io
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.cloud.server import LocalCloud
from local.demo.progress import Part
from local.demo.workflows import LineStopped
from local.sagemaker.jobs import JobsApi

_POLL_SECONDS = 0.5
_STEP_OF = re.compile(r"(?:step|evaluated|downloaded|checked) (\d+)/(\d+)")
_LAST_LINES = 3
_GATE = "MetricTooLow"


class MetricTooLow(LineStopped):
    """The pipeline has evaluated the model and registered nothing."""


@dataclass(frozen=True)
class Build:
    """A deployed CodeBuild project, as far as a build needs it."""

    role_arn: str
    environment: Mapping[str, str]
    source: str  # bucket/key of the zipped sources


def read_project(cloud: LocalCloud, name: str) -> Build:
    """Read a project as the CodeBuild service itself knows it."""
    codebuild = cloud.service_session("codebuild.amazonaws.com", ("codebuild:BatchGetProjects",))
    project = codebuild.client("codebuild").batch_get_projects(names=[name])["projects"][0]
    variables = project["environment"].get("environmentVariables", [])
    environment = {variable["name"]: variable["value"] for variable in variables}
    return Build(project["serviceRole"], environment, project["source"]["location"])


def start_pipeline(
    cloud: LocalCloud, build: Build, folder: Path, arguments: Sequence[str], variables: Mapping[str, str]
) -> dict[str, str]:
    """Run `python -m pipeline_defs.upsert` with the project's role; return {"pipeline_arn", "execution_arn"}.

    `variables` come on top of the project's own, as those of a start of the build do.
    """
    credentials = cloud.service_credentials(build.role_arn, "codebuild.amazonaws.com", "demo-build")
    _unpack(cloud.session(credentials).client("s3"), build.source, folder)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-m", "pipeline_defs.upsert", *arguments],
        cwd=folder,
        env={**inherited, **build.environment, **variables, **cloud.environment(credentials)},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        last = " ".join((done.stderr or done.stdout).strip().splitlines()[-_LAST_LINES:])
        raise LineStopped(f"pipeline_defs.upsert: {last}")
    answer: dict[str, str] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def follow_pipeline(sagemaker: Any, execution_arn: str, part: Part, jobs: JobsApi) -> None:
    """Wait for the execution, with a bar for each job's progress.

    Raises MetricTooLow where the metric gate ended it, and LineStopped with what failed otherwise.
    """
    jobs.listen(_bars(part))
    while True:
        steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution_arn)[
            "PipelineExecutionSteps"
        ]
        running = [step["StepName"] for step in steps if step["StepStatus"] in ("Starting", "Executing")]
        part.doing(", ".join(running))
        found = sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution_arn)
        if found["PipelineExecutionStatus"] == "Succeeded":
            return
        if found["PipelineExecutionStatus"] in ("Failed", "Stopped"):
            gated = any(s["StepName"] == _GATE and s["StepStatus"] == "Failed" for s in steps)
            raise (MetricTooLow if gated else LineStopped)(_why(found, steps))
        time.sleep(_POLL_SECONDS)


def registered_package(sagemaker: Any, execution_arn: str) -> str:
    """Return the ARN of the model package that this very execution registered; LineStopped if it did not."""
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution_arn)[
        "PipelineExecutionSteps"
    ]
    for step in steps:
        arn: str | None = step.get("Metadata", {}).get("RegisterModel", {}).get("Arn")
        if arn:
            return arn
    raise LineStopped("the pipeline has registered no model: its metric is below the threshold")


def _bars(part: Part) -> Callable[[str, str], None]:
    """Return a listener to the jobs' lines: "step 120/1000" moves the bar of that job."""
    moves: dict[str, Callable[[int, int], None]] = {}

    def listen(job: str, line: str) -> None:
        found = _STEP_OF.search(line)
        if found:
            moves.setdefault(job, part.bar(job.rsplit("-", 1)[0]))(int(found[1]), int(found[2]))

    return listen


def _why(found: Mapping[str, Any], steps: list[dict[str, Any]]) -> str:
    failed = [
        f"{s['StepName']}: {s.get('FailureReason', s['StepStatus'])}"
        for s in steps
        if s["StepStatus"] == "Failed"
    ]
    return " ".join(f"pipeline {found['PipelineExecutionStatus']}: {'; '.join(failed)}".split())


def _unpack(s3: Any, source: str, folder: Path) -> None:
    bucket, _, key = source.partition("/")
    content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
