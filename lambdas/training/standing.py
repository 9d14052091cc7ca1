"""How the runs of a model stand: whether one is under way, and when the last one that trained began."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lambdas.training.runs import execution_of
from lambdas.training.workflows import Workflow

_UNDER_WAY = frozenset({"InProgress", "Stopping"})
_TRAINS = frozenset({"Executing", "Stopping"})
# So many failures in a row stand for all that were before them.
_LOOKED_AT = 40
_BEGINNING = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Standing:
    """`newest` is the newest run, `ended` when it was last changed, `failed` how many did not come to train.

    `trained_since` is when the build of the last run that trained began, None where none has: what came
    later, it may not have seen.
    """

    newest: str = "none"
    ended: datetime = _BEGINNING
    under_way: bool = False
    failed: int = 0
    trained_since: datetime | None = None


def standing_of(codepipeline: Any, sagemaker: Any, workflow: Workflow) -> Standing:
    """Ask CodePipeline and SageMaker, newest first, as far back as to the last run that trained."""
    failed, newest, ended = 0, "none", _BEGINNING
    for execution in _newest_first(codepipeline, workflow):
        if newest == "none":
            newest, ended = execution["pipelineExecutionId"], execution["lastUpdateTime"]
        if execution["status"] in _UNDER_WAY:
            return Standing(newest, ended, under_way=True)
        since = _trained_since(codepipeline, workflow, execution["pipelineExecutionId"])
        if since is not None:
            trains = _trains(sagemaker, workflow)
            return Standing(newest, ended, under_way=trains, failed=failed, trained_since=since)
        failed += 1
        if failed == _LOOKED_AT:
            break
    return Standing(newest, ended, under_way=_trains(sagemaker, workflow), failed=failed)


def _newest_first(codepipeline: Any, workflow: Workflow) -> Iterator[dict[str, Any]]:
    pages = codepipeline.get_paginator("list_pipeline_executions").paginate(pipelineName=workflow.name)
    return (execution for page in pages for execution in page["pipelineExecutionSummaries"])


def _trained_since(codepipeline: Any, workflow: Workflow, run: str) -> datetime | None:
    """When the action began that started the training; None where the run started none."""
    pages = codepipeline.get_paginator("list_action_executions").paginate(
        pipelineName=workflow.name, filter={"pipelineExecutionId": run}
    )
    for page in pages:
        for action in page["actionExecutionDetails"]:
            if execution_of([action]) is not None:
                since: datetime = action["startTime"]
                return since
    return None


def _trains(sagemaker: Any, workflow: Workflow) -> bool:
    """Tell whether an execution of the SageMaker pipeline runs, whoever started it."""
    try:
        found = sagemaker.list_pipeline_executions(
            PipelineName=workflow.pipeline, SortBy="CreationTime", SortOrder="Descending"
        )
    except sagemaker.exceptions.ResourceNotFound:
        return False
    return any(one["PipelineExecutionStatus"] in _TRAINS for one in found["PipelineExecutionSummaries"])
