"""Tells where a run of a model's training stands, and which the newest are.

In:  API Gateway's proxy event of GET /models/{name}/runs/{run}, or of GET /models/{name}/runs?limit=1..20
Out: of one {"run", "model", "status", "ended", "reason", "model_package", "started_by", "asked", "stages",
     "training"}; of the newest {"model", "runs": [{"run", "status", "ended", "started_at", "started_by",
     "status_url"}]}, the newest first.
     404: no such model or run; 503 with Retry-After: AWS is busy.

`status` is that of the whole (lambdas/training/runs.py): the CodePipeline ends once the SageMaker pipeline
has started, the run with that one's end.
"""

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.proxied import Refused, refuse, respond
from lambdas.training import runs
from lambdas.training.passing import told_when_to_come_again
from lambdas.training.workflows import BRIEF, Workflow, workflow_of

_RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOST, _USUAL = 20, 5
_READERS = 5


@dataclass(frozen=True)
class Environment:
    """The models, as lambdas/training/workflows.py reads them."""

    models: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answer one of the two."""
    env = environment.read(Environment)
    reader = Reader(boto3.client("codepipeline", config=BRIEF), boto3.client("sagemaker", config=BRIEF))
    try:
        workflow = workflow_of(env.models, event["pathParameters"]["name"])
        run = event["pathParameters"].get("run")
        with told_when_to_come_again():
            if run is not None:
                return respond(200, reader.one(workflow, run))
            found = reader.newest(workflow, _limit(event))
    except Refused as refusal:
        return refuse(refusal)
    url = f"https://{event['requestContext']['domainName']}{event['requestContext']['path'].rstrip('/')}"
    told = [{**one, "status_url": f"{url}/{one['run']}"} for one in found]
    return respond(200, {"model": workflow.model, "runs": told})


class Reader:
    """Asks CodePipeline and SageMaker."""

    def __init__(self, codepipeline: Any, sagemaker: Any) -> None:
        self._codepipeline, self._sagemaker = codepipeline, sagemaker

    def one(self, workflow: Workflow, run: str) -> dict[str, Any]:
        """All about one run; Refused, with 404, where the model has no such run."""
        missing = Refused(
            404, f"{workflow.model} has no run {run[:40]!r}; CodePipeline keeps them for a year"
        )
        if not _RUN.fullmatch(run):
            raise missing
        try:
            execution = self._execution(workflow, run)
        except self._codepipeline.exceptions.PipelineExecutionNotFoundException:
            raise missing from None
        actions = self._actions(workflow, {"pipelineExecutionId": run})
        arn = runs.execution_of(actions)
        training = self._training(arn)
        document = runs.described(execution, actions, training, self._steps(arn))
        return {"model": workflow.model, **document}

    def newest(self, workflow: Workflow, limit: int) -> list[dict[str, Any]]:
        """The newest runs, whoever started them."""
        found = self._codepipeline.list_pipeline_executions(pipelineName=workflow.name, maxResults=limit)
        executions = found["pipelineExecutionSummaries"]

        def read(execution: Mapping[str, Any]) -> dict[str, Any]:
            run = str(execution["pipelineExecutionId"])
            actions = self._actions(workflow, {"pipelineExecutionId": run})
            training = self._training(runs.execution_of(actions))
            status = runs.status_of(execution["status"], actions, training)
            return {
                "run": run,
                "status": status,
                "ended": status in runs.ENDED,
                "started_at": execution["startTime"].isoformat(),
                "started_by": runs.started_by(self._execution(workflow, run)),
            }

        with ThreadPoolExecutor(_READERS) as pool:
            return list(pool.map(read, executions))

    def _execution(self, workflow: Workflow, run: str) -> dict[str, Any]:
        found: dict[str, Any] = self._codepipeline.get_pipeline_execution(
            pipelineName=workflow.name, pipelineExecutionId=run
        )["pipelineExecution"]
        return found

    def _actions(self, workflow: Workflow, chosen: Mapping[str, str]) -> list[dict[str, Any]]:
        pages = self._codepipeline.get_paginator("list_action_executions").paginate(
            pipelineName=workflow.name, filter=dict(chosen)
        )
        return [action for page in pages for action in page["actionExecutionDetails"]]

    def _training(self, arn: str | None) -> dict[str, Any] | None:
        if arn is None:
            return None
        found: dict[str, Any] = self._sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        return found

    def _steps(self, arn: str | None) -> list[dict[str, Any]]:
        if arn is None:
            return []
        pages = self._sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
            PipelineExecutionArn=arn, SortOrder="Ascending"
        )
        return [step for page in pages for step in page["PipelineExecutionSteps"]]


def _limit(event: Mapping[str, Any]) -> int:
    given = (event.get("queryStringParameters") or {}).get("limit", str(_USUAL))
    if not re.fullmatch("[0-9]{1,2}", given) or not 1 <= int(given) <= _MOST:
        raise Refused(400, f"limit: a number from 1 to {_MOST}")
    return int(given)
