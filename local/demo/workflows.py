"""Runs the workflows' pipelines and follows executions of state machines, as the operator does."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_POLL_SECONDS = 0.5
_LONGEST_CAUSE = 600
_LAST_STAGE = "Run"


class LineStopped(Exception):  # noqa: N818 - it is how a run ends, not a defect
    """A part of the line ended otherwise than well; the message says what and why, in one line."""


def follow_execution(states: Any, arn: str, *, tick: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Wait for an execution and return its output; raises LineStopped with its error and cause."""
    while True:
        tick()
        found = states.describe_execution(executionArn=arn)
        if found["status"] == "SUCCEEDED":
            output: dict[str, Any] = json.loads(found["output"])
            return output
        if found["status"] != "RUNNING":
            name = arn.rpartition(":")[2]
            raise LineStopped(f"execution {name} {found['status']}: {found.get('error', '')} {_cause(found)}")
        time.sleep(_POLL_SECONDS)


def await_execution(
    states: Any, machine: str, wanted: Mapping[str, str], *, patience_seconds: float = 60
) -> str:
    """Return the ARN of the execution whose input holds `wanted`, which an event starts any moment now."""
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        for execution in states.list_executions(stateMachineArn=machine)["executions"]:
            described = states.describe_execution(executionArn=execution["executionArn"])
            if wanted.items() <= json.loads(described["input"]).items():
                arn: str = execution["executionArn"]
                return arn
        time.sleep(_POLL_SECONDS)
    machine_name = machine.rpartition(":")[2]
    raise LineStopped(
        f"no execution of {machine_name} has started within {patience_seconds:.0f} s for {dict(wanted)}"
    )


def run_pipeline(
    codepipeline: Any, name: str, variables: Mapping[str, str], *, tick: Callable[[str], None]
) -> dict[str, str]:
    """Run a workflow's pipeline to its end and return what its actions put out.

    `tick` is told the actions that go on. Raises LineStopped with the action that failed and why.
    """
    execution = {
        "pipelineName": name,
        "pipelineExecutionId": codepipeline.start_pipeline_execution(
            name=name, variables=[{"name": key, "value": value} for key, value in variables.items()]
        )["pipelineExecutionId"],
    }
    while True:
        status = codepipeline.get_pipeline_execution(**execution)["pipelineExecution"]["status"]
        actions = _actions(codepipeline, execution)
        if status == "Succeeded":
            return {
                key: value
                for action in actions
                for key, value in action["output"].get("outputVariables", {}).items()
            }
        if status not in ("InProgress", "Stopping"):
            raise LineStopped(f"pipeline {name} {status}: {_why(actions)}")
        tick(", ".join(action["actionName"] for action in actions if action["status"] == "InProgress"))
        time.sleep(_POLL_SECONDS)


def await_first_run(codepipeline: Any, name: str, *, patience_seconds: float = 600) -> None:
    """Wait for the run with which CodePipeline begins as it makes a pipeline."""
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        actions = codepipeline.list_action_executions(pipelineName=name)["actionExecutionDetails"]
        statuses = {action["status"] for action in actions if action["stageName"] == _LAST_STAGE}
        if statuses and "InProgress" not in statuses:
            return
        time.sleep(_POLL_SECONDS)
    raise LineStopped(f"pipeline {name} has not run within {patience_seconds:.0f} s of being made")


def _actions(codepipeline: Any, execution: Mapping[str, str]) -> list[dict[str, Any]]:
    only = {"pipelineExecutionId": execution["pipelineExecutionId"]}
    pages = codepipeline.get_paginator("list_action_executions").paginate(
        pipelineName=execution["pipelineName"], filter=only
    )
    return [action for page in pages for action in page["actionExecutionDetails"]]


def _why(actions: Sequence[Mapping[str, Any]]) -> str:
    results = [
        (action["actionName"], action["output"].get("executionResult", {}))
        for action in actions
        if action["status"] == "Failed"
    ]
    told = [f"{name}: {result.get('externalExecutionSummary', 'failed')}" for name, result in results]
    return " ".join("; ".join(told).split())[:_LONGEST_CAUSE]


def _cause(found: Mapping[str, Any]) -> str:
    cause = str(found.get("cause", ""))
    try:
        document = json.loads(cause)
        cause = str(document.get("errorMessage", cause))
    except (ValueError, AttributeError):
        pass
    return " ".join(cause.split())[:_LONGEST_CAUSE]
