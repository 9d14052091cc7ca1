"""Remove the SageMaker pipelines that CodeBuild made, and what their jobs wrote to CloudWatch Logs."""

from collections.abc import Iterator, Sequence
from typing import Any

from botocore.exceptions import ClientError

from lambdas.teardown.deadline import Deadline
from lambdas.teardown.gone import is_gone, unless_gone

JOB_LOG_GROUPS = {
    "ProcessingJob": "/aws/sagemaker/ProcessingJobs",
    "TrainingJob": "/aws/sagemaker/TrainingJobs",
}
_LOOK_EVERY_SECONDS = 5


def remove(sagemaker: Any, logs: Any, pipelines: Sequence[str], deadline: Deadline) -> None:
    """Stop the executions of these pipelines, which stops their jobs, and delete the pipelines.

    The log groups are the account's, not ours: only the streams of these pipelines' jobs are deleted, as many
    as there is time for. What is left of them expires with its group.
    """
    jobs: list[tuple[str, str]] = []
    for name in pipelines:
        executions = _stop_all(sagemaker, name, deadline)
        jobs += [job for execution in executions for job in _jobs(sagemaker, execution)]
        # A token has at least 32 characters; the same one for each attempt.
        token = f"teardown-of-{name}".ljust(32, "-")
        unless_gone(sagemaker.delete_pipeline, PipelineName=name, ClientRequestToken=token)
    for group, job in jobs:
        if deadline.passed:
            return
        _delete_streams(logs, group, job)


def keep_job_logs_for(logs: Any, days: int) -> None:
    """Make the log groups of jobs before SageMaker does, which would keep them for ever.

    One that is there already belongs to whoever made it: its retention is left as it is.
    """
    for group in JOB_LOG_GROUPS.values():
        try:
            logs.create_log_group(logGroupName=group)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
                raise
        else:
            logs.put_retention_policy(logGroupName=group, retentionInDays=days)


def _stop_all(sagemaker: Any, pipeline: str, deadline: Deadline) -> list[str]:
    """Stop what runs and wait for it; the ARNs of all executions that there were."""
    while True:
        executions = _executions(sagemaker, pipeline)
        running = [arn for arn, status in executions if status in ("Executing", "Stopping")]
        if not running:
            return [arn for arn, _ in executions]
        for arn in (arn for arn, status in executions if status == "Executing"):
            token = f"teardown-of-{arn.rpartition('/')[2]}".ljust(32, "-")
            unless_gone(sagemaker.stop_pipeline_execution, PipelineExecutionArn=arn, ClientRequestToken=token)
        deadline.wait(_LOOK_EVERY_SECONDS, f"stopping {len(running)} executions of the pipeline {pipeline}")


def _executions(sagemaker: Any, pipeline: str) -> list[tuple[str, str]]:
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(PipelineName=pipeline)
    try:
        found = [summary for page in pages for summary in page["PipelineExecutionSummaries"]]
    except ClientError as error:
        if is_gone(error):
            return []
        raise
    return [(summary["PipelineExecutionArn"], summary["PipelineExecutionStatus"]) for summary in found]


def _jobs(sagemaker: Any, execution: str) -> Iterator[tuple[str, str]]:
    """The log group of each job that an execution started, and what its streams begin with."""
    pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(PipelineExecutionArn=execution)
    for page in pages:
        for step in page["PipelineExecutionSteps"]:
            for kind, group in JOB_LOG_GROUPS.items():
                if arn := step.get("Metadata", {}).get(kind, {}).get("Arn"):
                    yield group, f"{arn.rpartition('/')[2]}/"
            if "TuningJob" in step.get("Metadata", {}):
                # Pipelines names a tuning job after the execution, and SageMaker its trials after that.
                yield JOB_LOG_GROUPS["TrainingJob"], f"{execution.rpartition('/')[2]}-"


def _delete_streams(logs: Any, group: str, prefix: str) -> None:
    pages = logs.get_paginator("describe_log_streams").paginate(
        logGroupName=group, logStreamNamePrefix=prefix
    )
    try:
        streams = [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
    except ClientError as error:
        if is_gone(error):
            return
        raise
    for stream in streams:
        unless_gone(logs.delete_log_stream, logGroupName=group, logStreamName=stream)
