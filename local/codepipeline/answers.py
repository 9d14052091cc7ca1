"""Executions and their actions, as the API describes them."""

from __future__ import annotations

from typing import Any

from local.codepipeline.book import Pipeline
from local.codepipeline.declaration import Action, stage_actions
from local.codepipeline.records import ActionRecord, Execution, Revision, action_type

_LONGEST_SUMMARY = 2048


def execution(found: Execution) -> dict[str, Any]:
    """Describe an execution."""
    return _given(
        pipelineName=found.pipeline,
        pipelineVersion=found.version,
        pipelineExecutionId=found.id,
        status=found.status,
        statusSummary=found.summary,
        artifactRevisions=[_artifact_revision(action, revision) for action, revision in found.revisions()],
        variables=[{"name": name, "resolvedValue": value} for name, value in found.variables.items()],
        trigger=dict(found.trigger),
        executionMode=found.mode,
        executionType="STANDARD",
    )


def execution_summary(found: Execution) -> dict[str, Any]:
    """Describe an execution in a list."""
    return _given(
        pipelineExecutionId=found.id,
        status=found.status,
        statusSummary=found.summary,
        startTime=found.started,
        lastUpdateTime=found.updated,
        sourceRevisions=[
            _given(actionName=action.name, revisionId=revision.id, revisionSummary=revision.summary)
            for action, revision in found.revisions()
        ],
        trigger=dict(found.trigger),
        stopTrigger={"reason": found.stop_reason} if found.stop_reason is not None else None,
        executionMode=found.mode,
        executionType="STANDARD",
    )


def action_detail(of: Execution, record: ActionRecord) -> dict[str, Any]:
    """Describe an attempt at an action with what went in and what came out."""
    return _given(
        pipelineExecutionId=of.id,
        actionExecutionId=record.id,
        pipelineVersion=of.version,
        stageName=record.action.stage,
        actionName=record.action.name,
        startTime=record.started,
        lastUpdateTime=record.updated,
        updatedBy=record.updated_by,
        status=record.status,
        input=_given(
            actionTypeId=action_type(record.action),
            configuration=record.action.configuration,
            resolvedConfiguration=record.resolved,
            roleArn=record.action.role_arn,
            region=record.action.declared.get("region"),
            inputArtifacts=_located(record.inputs),
            namespace=record.action.namespace,
        ),
        output=_given(
            outputArtifacts=_located(record.outputs) if record.status == "Succeeded" else [],
            executionResult=_given(
                externalExecutionId=record.external_id,
                externalExecutionSummary=(record.error or record.summary)[:_LONGEST_SUMMARY],
                externalExecutionUrl=record.external_url,
                errorDetails=_error(record),
            ),
            outputVariables=record.variables,
        ),
    )


def state(pipeline: Pipeline) -> dict[str, Any]:
    """Describe where the executions of a pipeline stand."""
    return {
        "pipelineName": pipeline.name,
        "pipelineVersion": pipeline.version,
        "stageStates": [_stage(pipeline, stage) for stage in pipeline.declaration["stages"]],
        "created": pipeline.created,
        "updated": pipeline.updated,
    }


def _stage(pipeline: Pipeline, stage: dict[str, Any]) -> dict[str, Any]:
    name = stage["name"]
    waiting = [
        {"pipelineExecutionId": e.id, "status": "InProgress", "type": "STANDARD"}
        for e in pipeline.locks.waiting(name)
    ]
    latest, transition = pipeline.locks.latest(name), pipeline.locks.transition(name)
    entered = (
        {
            "pipelineExecutionId": latest.id,
            "status": latest.stages.get(name, "InProgress"),
            "type": "STANDARD",
        }
        if latest
        else None
    )
    return _given(
        stageName=name,
        inboundExecution=waiting[-1] if waiting else None,
        inboundExecutions=waiting,
        inboundTransitionState=_given(
            enabled=transition.enabled, disabledReason=transition.reason, lastChangedBy=transition.changed_by
        ),
        actionStates=[_action_state(pipeline, action) for action in stage_actions(stage)],
        latestExecution=entered,
    )


def _action_state(pipeline: Pipeline, action: Action) -> dict[str, Any]:
    """Describe the last attempt at an action, by whichever execution."""
    attempts = [
        record for e in pipeline.executions.values() if (record := e.latest(action.stage, action.name))
    ]
    if not attempts:
        return {"actionName": action.name}
    record = max(attempts, key=lambda r: r.started)
    revision = record.revision
    return _given(
        actionName=action.name,
        currentRevision=(
            {
                "revisionId": revision.id,
                "revisionChangeId": revision.id,
                "created": revision.created or record.updated,
            }
            if revision
            else None
        ),
        latestExecution=_given(
            actionExecutionId=record.id,
            status=record.status,
            summary=(record.error or record.summary)[:_LONGEST_SUMMARY],
            lastStatusChange=record.updated,
            token=record.token,
            lastUpdatedBy=record.updated_by,
            externalExecutionId=record.external_id,
            externalExecutionUrl=record.external_url,
            errorDetails=_error(record),
        ),
    )


def _error(record: ActionRecord) -> dict[str, str] | None:
    return {"code": record.error_code, "message": record.error} if record.error_code else None


def _artifact_revision(action: Action, revision: Revision) -> dict[str, Any]:
    return _given(
        name=action.outputs[0],
        revisionId=revision.id,
        revisionSummary=revision.summary,
        created=revision.created,
    )


def _located(artifacts: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "s3location": {"bucket": where.bucket, "key": where.key}}
        for name, where in artifacts.items()
    ]


def _given(**members: Any) -> dict[str, Any]:
    """Leave out what is not there; lists and maps that are empty stay."""
    return {name: value for name, value in members.items() if value is not None and value != ""}
