"""A CodePipeline that answers with what a test has put there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
LATER = BEGIN + timedelta(seconds=5)


def attempt(stage: str, name: str, status: str = "Succeeded", **more: Any) -> dict[str, Any]:
    """Return an action execution as ListActionExecutions has it."""
    kind = {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"}
    kind |= {k: more.pop(k) for k in ("category", "provider") if k in more}
    return {
        "actionExecutionId": f"{stage}/{name}",
        "stageName": stage,
        "actionName": name,
        "status": status,
        "startTime": more.pop("started", BEGIN),
        "lastUpdateTime": LATER,
        "input": {"actionTypeId": kind},
        "output": {
            "outputVariables": more.pop("variables", {}),
            "executionResult": {
                "externalExecutionId": more.pop("external_id", ""),
                "externalExecutionSummary": more.pop("summary", ""),
                **({"errorDetails": {"code": "JobFailed", "message": more["why"]}} if "why" in more else {}),
            },
        },
    }


def run(
    execution: str, status: str, *revisions: str, started: datetime = BEGIN, why: str = ""
) -> dict[str, Any]:
    """Return an execution as ListPipelineExecutions has it."""
    return {
        "pipelineExecutionId": execution,
        "status": status,
        "statusSummary": why,
        "startTime": started,
        "sourceRevisions": [{"actionName": "Source", "revisionId": r} for r in revisions],
    }


class CodePipeline:
    """Answers call after call with the next of what was given, and the last again and again."""

    def __init__(
        self, executions: Iterable[list[dict[str, Any]]], attempts: Iterable[list[dict[str, Any]]]
    ) -> None:
        self._executions = _until_the_last(executions)
        self._attempts = _until_the_last(attempts)
        self.approved: list[dict[str, Any]] = []
        self.token: str | None = "token"
        self.names: tuple[str, ...] = ("line-delivery",)

    def list_pipelines(self) -> dict[str, Any]:
        return {"pipelines": [{"name": name} for name in self.names]}

    def list_pipeline_executions(self, **asked: Any) -> dict[str, Any]:
        return {"pipelineExecutionSummaries": next(self._executions)}

    def get_paginator(self, operation: str) -> CodePipeline:
        assert operation == "list_action_executions"
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        return [{"actionExecutionDetails": next(self._attempts)}]

    def get_pipeline_state(self, name: str) -> dict[str, Any]:
        latest = {"latestExecution": {"token": self.token}} if self.token else {}
        return {"stageStates": [{"stageName": "Prod", "actionStates": [{"actionName": "Approve", **latest}]}]}

    def put_approval_result(self, **given: Any) -> None:
        self.approved.append(given)


class Session:
    """Makes these clients."""

    def __init__(self, **clients: Any) -> None:
        self._clients = clients

    def client(self, service: str) -> Any:
        return self._clients[service]


def _until_the_last(answers: Iterable[Any]) -> Iterator[Any]:
    last: Any = []
    for last in answers:
        yield last
    while True:
        yield last
