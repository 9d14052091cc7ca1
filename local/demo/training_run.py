"""Follows the training: the execution of the SageMaker pipeline, and what it registers."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from local.demo.progress import Part
from local.demo.workflows import LineStopped
from local.sagemaker.jobs.api import JobsApi

_POLL_SECONDS = 0.5
_STEP_OF = re.compile(r"(?:step|evaluated|downloaded|checked) (\d+)/(\d+)")
_GATE = "MetricTooLow"


class MetricTooLow(LineStopped):
    """The pipeline has evaluated the model and registered nothing."""


def follow_pipeline(sagemaker: Any, execution_arn: str, part: Part, jobs: JobsApi) -> None:
    """Wait for the execution, with a bar for each job's progress.

    Raises MetricTooLow where the metric gate ended it, and LineStopped with what failed otherwise.
    """
    jobs.listen(_bars(part))
    while True:
        # First the whole, then its steps: of one that has ended, all of them are known.
        found = sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution_arn)
        steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution_arn)[
            "PipelineExecutionSteps"
        ]
        running = [step["StepName"] for step in steps if step["StepStatus"] in ("Starting", "Executing")]
        part.doing(", ".join(running))
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


def trials(sagemaker: Any, execution_arn: str) -> list[Mapping[str, Any]]:
    """List the trials of the execution's tuning, as ListTrainingJobsForHyperParameterTuningJob has them."""
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution_arn)[
        "PipelineExecutionSteps"
    ]
    for step in steps:
        arn = step.get("Metadata", {}).get("TuningJob", {}).get("Arn")
        if arn:
            name = arn.rpartition("/")[2]
            found = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
                HyperParameterTuningJobName=name, MaxResults=100
            )
            return list(found["TrainingJobSummaries"])
    return []


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
