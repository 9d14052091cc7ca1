"""Start the workflow pipelines that a deployment has changed: an action of the infrastructure pipeline."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

_LONGEST_MESSAGE = 5000


@dataclass(frozen=True)
class Request:
    """What CodePipeline asks for: the workflows to look at, and the commit that was deployed."""

    job_id: str
    pipelines: tuple[str, ...]
    commit: str

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> "Request":
        """Read CodePipeline's event; its user parameters are JSON."""
        job = event["CodePipeline.job"]
        parameters = json.loads(job["data"]["actionConfiguration"]["configuration"]["UserParameters"])
        return cls(job["id"], tuple(parameters["pipelines"]), parameters["commit"])


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Start each pipeline whose definition is newer than its newest execution; then answer CodePipeline.

    In: CodePipeline's job, user parameters {"pipelines": [name], "commit"}.
    Out: the job's result, with the output variable `started`: the names, or `none`. A pipeline that cannot be
    read or started fails the action, after the others have had their turn.
    """
    codepipeline = boto3.client("codepipeline")
    request = Request.read(event)
    started, failed = [], []
    for pipeline in request.pipelines:
        try:
            if start_if_changed(codepipeline, pipeline, request.commit):
                started.append(pipeline)
        except (ClientError, BotoCoreError) as error:
            failed.append(f"{pipeline}: {error}")
    answer(codepipeline, request.job_id, started=started, failed=failed)


def start_if_changed(codepipeline: Any, pipeline: str, commit: str) -> bool:
    """Start a pipeline that has no execution of its present version; False where there was nothing to do.

    The version is in the token: the same deployment starts a pipeline once, however often it is asked.
    """
    version = codepipeline.get_pipeline(name=pipeline)["pipeline"]["version"]
    if _newest_executed(codepipeline, pipeline) == version:
        return False
    codepipeline.start_pipeline_execution(
        name=pipeline,
        clientRequestToken=f"{pipeline}-v{version}",
        variables=[{"name": "COMMIT", "value": commit}],
    )
    return True


def answer(codepipeline: Any, job_id: str, *, started: list[str], failed: list[str]) -> None:
    """Tell CodePipeline how the action ended."""
    names = ", ".join(started) or "none"
    if failed:
        message = f"{'; '.join(failed)}. Started: {names}"[:_LONGEST_MESSAGE]
        codepipeline.put_job_failure_result(
            jobId=job_id, failureDetails={"type": "JobFailed", "message": message}
        )
    else:
        codepipeline.put_job_success_result(jobId=job_id, outputVariables={"started": names})


def _newest_executed(codepipeline: Any, pipeline: str) -> int | None:
    found = codepipeline.list_pipeline_executions(pipelineName=pipeline, maxResults=1)
    for summary in found["pipelineExecutionSummaries"]:
        execution = codepipeline.get_pipeline_execution(
            pipelineName=pipeline, pipelineExecutionId=summary["pipelineExecutionId"]
        )
        return int(execution["pipelineExecution"]["pipelineVersion"])
    return None
