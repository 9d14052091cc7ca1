"""Executions of pipelines and their actions, as CodePipeline tells them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

RUNNING = ("InProgress", "Stopping")


@dataclass(frozen=True)
class Action:
    """One attempt at an action; `why` is the reason that CodePipeline gives when it failed."""

    id: str
    stage: str
    name: str
    category: str
    provider: str
    status: str
    started: datetime
    updated: datetime
    summary: str = ""
    why: str = ""
    external_id: str = ""
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long it has taken."""
        return (self.updated - self.started).total_seconds()


@dataclass(frozen=True)
class Execution:
    """One execution; `revisions` are the commits, or versions of the upload, that it checked out."""

    id: str
    status: str
    summary: str
    started: datetime
    revisions: tuple[str, ...]
    trigger: str


def actions(client: Any, pipeline: str, execution: str) -> list[Action]:
    """Return the attempts of an execution, oldest first."""
    pages = client.get_paginator("list_action_executions").paginate(
        pipelineName=pipeline, filter={"pipelineExecutionId": execution}
    )
    found = [_action(detail) for page in pages for detail in page["actionExecutionDetails"]]
    return sorted(found, key=lambda action: action.started)


def executions(client: Any, pipeline: str, most: int = 20) -> list[Execution]:
    """Return the latest executions of a pipeline, newest first."""
    found = client.list_pipeline_executions(pipelineName=pipeline, maxResults=most)
    return [_execution(summary) for summary in found["pipelineExecutionSummaries"]]


def execution(client: Any, pipeline: str, execution_id: str) -> Execution:
    """Return one of the latest executions."""
    return next(found for found in executions(client, pipeline, 100) if found.id == execution_id)


def _execution(summary: dict[str, Any]) -> Execution:
    return Execution(
        id=summary["pipelineExecutionId"],
        status=summary["status"],
        summary=summary.get("statusSummary", ""),
        started=summary["startTime"],
        revisions=tuple(r["revisionId"] for r in summary.get("sourceRevisions", []) if "revisionId" in r),
        trigger=summary.get("trigger", {}).get("triggerType", ""),
    )


def _action(detail: dict[str, Any]) -> Action:
    kind = detail["input"]["actionTypeId"]
    output = detail.get("output", {})
    result = output.get("executionResult", {})
    return Action(
        id=detail["actionExecutionId"],
        stage=detail["stageName"],
        name=detail["actionName"],
        category=kind["category"],
        provider=kind["provider"],
        status=detail["status"],
        started=detail["startTime"],
        updated=detail["lastUpdateTime"],
        summary=result.get("externalExecutionSummary", ""),
        why=result.get("errorDetails", {}).get("message", ""),
        external_id=result.get("externalExecutionId", ""),
        variables=output.get("outputVariables", {}),
    )
