"""Starts executions, resumes, stops and cancels them."""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from local.cloud.call import Call, Credentials
from local.cloud.errors import AwsError
from local.codepipeline.book import Pipeline
from local.codepipeline.declaration import Action
from local.codepipeline.notices import tell
from local.codepipeline.records import ActionRecord, Execution, Override, now
from local.codepipeline.run import Run
from local.codepipeline.work import Kind

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

SERVICE = "codepipeline.amazonaws.com"
_MOST_AT_ONCE = 50


class Engine:
    """Runs each execution on a thread of its own."""

    def __init__(self, cloud: LocalCloud, kinds: Mapping[tuple[str, str], Kind]) -> None:
        self._cloud, self._kinds = cloud, kinds

    def start(
        self,
        pipeline: Pipeline,
        trigger: Mapping[str, str],
        variables: Mapping[str, str] | None = None,
        overrides: Mapping[str, Override] | None = None,
    ) -> Execution:
        """Start an execution of the newest version.

        Raises AwsError ValidationException for variables that are unknown or have no value.
        """
        with pipeline.locks.changed:
            declaration = copy.deepcopy(pipeline.declaration)
            many = declaration.get("executionMode", "SUPERSEDED") != "SUPERSEDED"
            if many and len(pipeline.running()) >= _MOST_AT_ONCE:
                raise AwsError(
                    "ConcurrentPipelineExecutionsLimitExceededException",
                    f"The pipeline {pipeline.name} has {_MOST_AT_ONCE} executions already",
                )
            execution = Execution(
                id=str(uuid.uuid4()),
                number=len(pipeline.executions) + 1,
                pipeline=pipeline.name,
                pipeline_arn=pipeline.arn,
                version=pipeline.version,
                declaration=declaration,
                trigger=trigger,
                variables=_values(declaration, variables or {}),
                overrides=overrides or {},
            )
            pipeline.executions[execution.id] = execution
            self._go(pipeline, execution)
        return execution

    def resume(self, pipeline: Pipeline, execution: Execution, stage: str, kept: Sequence[str]) -> None:
        """Go on from a stage that failed or was stopped, without its actions `kept`."""
        with pipeline.locks.changed:
            execution.status, execution.updated = "InProgress", now()
            execution.stopping, execution.abandoned = threading.Event(), threading.Event()
            execution.unasked = threading.Event()
            execution.stop_reason = None
        self._go(pipeline, execution, first=stage, kept=kept)

    def stop(self, pipeline: Pipeline, execution: Execution, *, abandon: bool, reason: str) -> None:
        """Start no more actions; with `abandon`, do not wait for those that run."""
        with pipeline.locks.changed:
            execution.status, execution.updated = "Stopping", now()
            execution.stop_reason = reason
            execution.stopping.set()
            if abandon:
                execution.abandon()
            pipeline.locks.wake()
        self._observe(execution, "STOPPING")

    def cancel(self, pipeline: Pipeline) -> None:
        """End what runs because the pipeline has been updated.

        Actions that have begun go on to their end, approvals are abandoned; nothing further is started.
        """
        for execution in pipeline.running():
            if execution.version == pipeline.version:
                continue
            with pipeline.locks.changed:
                execution.status, execution.updated = "Cancelled", now()
                execution.summary = "The pipeline was updated before the execution was completed"
                running = [name for name, status in execution.stages.items() if status == "InProgress"]
                execution.stages.update(dict.fromkeys(running, "Cancelled"))
                execution.stopping.set()
                execution.unasked.set()
                pipeline.locks.wake()
            for stage in running:
                self._observe(execution, "CANCELLED", stage=stage)
            self._observe(execution, "CANCELLED")

    def end(self, pipeline: Pipeline) -> None:
        """Leave everything that runs: the pipeline is deleted, or the cloud stops."""
        for execution in pipeline.executions.values():
            execution.stopping.set()
            execution.abandon()
        pipeline.locks.wake()

    def check_role(self, role_arn: str) -> None:
        """Raise the error of CreatePipeline unless CodePipeline can assume the pipeline's role."""
        try:
            self._cloud.service_credentials(role_arn, SERVICE, "check")
        except AwsError as error:
            raise AwsError(
                "InvalidStructureException",
                f"CodePipeline is not authorized to perform AssumeRole on role {role_arn}: {error.message}",
            ) from error

    def _go(self, pipeline: Pipeline, execution: Execution, **options: Any) -> None:
        stages = execution.declaration["stages"]
        pipeline.locks.queue(execution, options.get("first") or stages[0]["name"])
        run = Run(execution, pipeline.locks, self._kinds, self._identify, self._observe)
        threading.Thread(
            target=run.go, kwargs=options, name=f"pipeline {execution.id[:8]}", daemon=True
        ).start()

    def _observe(
        self,
        execution: Execution,
        state: str,
        *,
        stage: str | None = None,
        record: ActionRecord | None = None,
    ) -> None:
        tell(self._cloud.emit, execution, state, stage=stage, record=record)

    def _identify(self, execution: Execution, action: Action, session_name: str) -> dict[str, Any]:
        pipeline_role = execution.declaration["roleArn"]
        credentials = self._cloud.service_credentials(pipeline_role, SERVICE, execution.id)
        if action.role_arn:
            credentials = self._assumed(credentials, action.role_arn, session_name)
        call = Call(
            self._cloud.account, self._cloud.region, credentials.principal_arn, credentials.access_key
        )
        return {
            "pipeline_role": pipeline_role,
            "role_arn": action.role_arn or pipeline_role,
            "session": self._cloud.session(credentials),
            "call": call,
            "permit": lambda done, resource: self._cloud.require(call, done, resource),
        }

    def _assumed(self, by: Credentials, role_arn: str, session_name: str) -> Credentials:
        """Assume an action's role with the pipeline's, as a call to STS."""
        sts = self._cloud.session(by).client("sts")
        answer = sts.assume_role(RoleArn=role_arn, RoleSessionName=session_name)
        keys = answer["Credentials"]
        return Credentials(
            keys["AccessKeyId"],
            keys["SecretAccessKey"],
            keys["SessionToken"],
            answer["AssumedRoleUser"]["Arn"],
        )


def _values(declaration: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    declared = {
        variable["name"]: variable.get("defaultValue") for variable in declaration.get("variables", [])
    }
    if unknown := sorted(set(given) - set(declared)):
        raise AwsError("ValidationException", f"The pipeline has no variables {', '.join(unknown)}")
    values = {**declared, **given}
    if missing := sorted(name for name, value in values.items() if value is None):
        raise AwsError(
            "ValidationException",
            f"The pipeline's variables {', '.join(missing)} have no default: give values",
        )
    return {name: str(value) for name, value in values.items()}
