# ruff: noqa: N803 - the parameters have the API's own names
"""The API's operations on executions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.codepipeline import answers
from local.codepipeline.book import Book, Pipeline, page
from local.codepipeline.declaration import sources
from local.codepipeline.engine import Engine
from local.codepipeline.records import Execution, Override

_REVISION_TYPES = {
    "S3": "S3_OBJECT_VERSION_ID", "CodeCommit": "COMMIT_ID", "CodeStarSourceConnection": "COMMIT_ID",
}  # fmt: skip
# How EventBridge's deliveries name their sessions, see local.cloud.events.
_BY_RULE = re.compile(r":assumed-role/[^/]+/AWSEvents_(.+)")


class Executions:
    """StartPipelineExecution to ListActionExecutions."""

    def __init__(self, book: Book, engine: Engine) -> None:
        self._book, self._engine = book, engine

    def start_pipeline_execution(
        self,
        call: Call,
        *,
        name: str,
        variables: Sequence[Mapping[str, str]] = (),
        clientRequestToken: str = "",
        sourceRevisions: Sequence[Mapping[str, str]] = (),
    ) -> dict[str, Any]:
        """Serve StartPipelineExecution; a token starts one execution."""
        pipeline = self._book.get(name)
        overrides = _overrides(pipeline, sourceRevisions)
        with pipeline.locks.changed:
            if clientRequestToken and clientRequestToken in pipeline.tokens:
                return {"pipelineExecutionId": pipeline.tokens[clientRequestToken]}
            given = {variable["name"]: variable["value"] for variable in variables}
            execution = self._engine.start(pipeline, _trigger(call), given, overrides)
            if clientRequestToken:
                pipeline.tokens[clientRequestToken] = execution.id
        return {"pipelineExecutionId": execution.id}

    def stop_pipeline_execution(
        self,
        call: Call,
        *,
        pipelineName: str,
        pipelineExecutionId: str,
        abandon: bool = False,
        reason: str = "",
    ) -> dict[str, Any]:
        """Serve StopPipelineExecution; one that is stopping can still be abandoned."""
        pipeline = self._book.get(pipelineName)
        execution = pipeline.execution(pipelineExecutionId)
        if execution.status == "Stopping" and not abandon:
            raise AwsError(
                "DuplicatedStopRequestException", f"Execution {execution.id} is being stopped already"
            )
        if execution not in pipeline.running():
            raise AwsError(
                "PipelineExecutionNotStoppableException",
                f"Execution {execution.id} is {execution.status} and cannot be stopped",
            )
        self._engine.stop(pipeline, execution, abandon=abandon, reason=reason)
        return {"pipelineExecutionId": execution.id}

    def retry_stage_execution(
        self,
        call: Call,
        *,
        pipelineName: str,
        stageName: str,
        pipelineExecutionId: str,
        retryMode: str,
    ) -> dict[str, Any]:
        """Serve RetryStageExecution."""
        pipeline = self._book.get(pipelineName)
        pipeline.require_stage(stageName)
        execution = pipeline.execution(pipelineExecutionId)
        with pipeline.locks.changed:
            _check_retryable(pipeline, execution, stageName)
            names = [r.action.name for r in execution.actions if r.action.stage == stageName]
            latest = [execution.latest(stageName, name) for name in dict.fromkeys(names)]
            kept = [r.action.name for r in latest if r and r.status == "Succeeded"]
            if retryMode == "ALL_ACTIONS":
                kept = []
            self._engine.resume(pipeline, execution, stageName, kept)
        return {"pipelineExecutionId": execution.id}

    def get_pipeline_execution(
        self, call: Call, *, pipelineName: str, pipelineExecutionId: str
    ) -> dict[str, Any]:
        """Serve GetPipelineExecution."""
        pipeline = self._book.get(pipelineName)
        with pipeline.locks.changed:
            return {"pipelineExecution": answers.execution(pipeline.execution(pipelineExecutionId))}

    def list_pipeline_executions(self, call: Call, *, pipelineName: str, **request: Any) -> dict[str, Any]:
        """Serve ListPipelineExecutions, newest first."""
        pipeline = self._book.get(pipelineName)
        stage = request.get("filter", {}).get("succeededInStage", {}).get("stageName")
        with pipeline.locks.changed:
            chosen = [
                execution
                for execution in reversed(pipeline.executions.values())
                if stage is None or execution.stages.get(stage) == "Succeeded"
            ]
            found, token = page(chosen, request)
            summaries = [answers.execution_summary(execution) for execution in found]
        return {"pipelineExecutionSummaries": summaries, "nextToken": token}

    def list_action_executions(self, call: Call, *, pipelineName: str, **request: Any) -> dict[str, Any]:
        """Serve ListActionExecutions, newest first."""
        pipeline = self._book.get(pipelineName)
        chosen = request.get("filter", {})
        latest = chosen.get("latestInPipelineExecution", {})
        wanted = chosen.get("pipelineExecutionId") or latest.get("pipelineExecutionId")
        with pipeline.locks.changed:
            executions = [pipeline.execution(wanted)] if wanted else list(pipeline.executions.values())
            details = [
                answers.action_detail(execution, record)
                for execution in executions
                for record in execution.actions
                if not latest or record is execution.latest(record.action.stage, record.action.name)
            ]
        details.sort(key=lambda detail: detail["startTime"], reverse=True)
        found, token = page(details, request)
        return {"actionExecutionDetails": found, "nextToken": token}

    def get_pipeline_state(self, call: Call, *, name: str) -> dict[str, Any]:
        """Serve GetPipelineState."""
        pipeline = self._book.get(name)
        with pipeline.locks.changed:
            return answers.state(pipeline)


def _overrides(pipeline: Pipeline, given: Sequence[Mapping[str, str]]) -> dict[str, Override]:
    by_name = {action.name: action for action in sources(pipeline.declaration)}
    overrides = {}
    for revision in given:
        name, kind = revision["actionName"], revision["revisionType"]
        if name not in by_name:
            raise AwsError("ValidationException", f"sourceRevisions: {name} is no source action")
        provider = by_name[name].provider
        if kind != _REVISION_TYPES[provider]:
            raise AwsError(
                "ValidationException",
                f"sourceRevisions: {name} is of {provider}: {kind} is not served, "
                f"{_REVISION_TYPES[provider]} is",
            )
        overrides[name] = Override(revision["revisionValue"])
    return overrides


def _trigger(call: Call) -> dict[str, str]:
    if by_rule := _BY_RULE.search(call.principal_arn):
        return {"triggerType": "CloudWatchEvent", "triggerDetail": call.arn("events", f"rule/{by_rule[1]}")}
    return {"triggerType": "StartPipelineExecution", "triggerDetail": call.principal_arn}


def _check_retryable(pipeline: Pipeline, execution: Execution, stage: str) -> None:
    if execution.stages.get(stage) not in ("Failed", "Stopped"):
        raise AwsError(
            "StageNotRetryableException", f"Stage {stage} of execution {execution.id} has not failed"
        )
    if execution in pipeline.running() or execution.version != pipeline.version:
        raise AwsError(
            "StageNotRetryableException",
            f"Execution {execution.id} is {execution.status}, of version {execution.version}; "
            f"the pipeline is at {pipeline.version}",
        )
    if execution.mode != "PARALLEL" and pipeline.locks.latest(stage) is not execution:
        raise AwsError(
            "NotLatestPipelineExecutionException", f"Another execution has entered stage {stage} since then"
        )
