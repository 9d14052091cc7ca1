"""Where a run stands as a whole: the stages of CodePipeline, then the steps of SageMaker, in one document."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_NONE = "none"
_LONGEST_REASON = 1000
_OF_TRAINING = {"Executing": "training", "Stopping": "stopping"}
ENDED = frozenset({"succeeded", "failed", "stopped", "superseded", "cancelled", "nothing_started"})


def execution_of(actions: Iterable[Mapping[str, Any]]) -> str | None:
    """The ARN of the SageMaker execution that the build has started; None where there is none."""
    found = _put_out(actions, "PIPELINE_EXECUTION_ARN")
    return None if found in ("", _NONE) else found


def status_of(run: str, actions: Sequence[Mapping[str, Any]], training: Mapping[str, Any] | None) -> str:
    """One word for the whole.

    `run` is CodePipeline's status of the execution, `training` SageMaker's description of the one that it
    started. starting, training, stopping and what is in ENDED; `nothing_started`: the build found that there
    was nothing to do.
    """
    if run == "InProgress":
        return "starting"
    if run != "Succeeded":
        return run.lower()
    if training is None:
        return "nothing_started"
    status = str(training["PipelineExecutionStatus"])
    return _OF_TRAINING.get(status, status.lower())


def reason_of(
    actions: Sequence[Mapping[str, Any]],
    training: Mapping[str, Any] | None,
    steps: Sequence[Mapping[str, Any]],
) -> str | None:
    """Why the run has failed or has started nothing, in words; None where nothing is wrong."""
    told = [f"{one['actionName']}: {_error(one)}" for one in actions if one["status"] == "Failed"]
    told += [
        f"{one['StepName']}: {one.get('FailureReason', 'failed')}"
        for one in steps
        if one["StepStatus"] == "Failed"
    ]
    if not told and training is not None and training.get("FailureReason"):
        told = [str(training["FailureReason"])]
    if not told and training is None:
        not_started = _put_out(actions, "NOT_STARTED")
        told = [] if not_started in ("", _NONE) else [not_started]
    return " ".join("; ".join(told).split())[:_LONGEST_REASON] or None


def model_package_of(steps: Iterable[Mapping[str, Any]]) -> str | None:
    """The ARN of the package that was registered; None until then."""
    for step in steps:
        if registered := step.get("Metadata", {}).get("RegisterModel"):
            return str(registered["Arn"])
    return None


def started_by(execution: Mapping[str, Any]) -> str | None:
    """Who started a run: whom the runs API had checked, else whom CodePipeline names."""
    told = {one["name"]: one["resolvedValue"] for one in execution.get("variables", [])}
    by: str | None = told.get("STARTED_BY", _NONE)
    return by if by != _NONE else execution.get("trigger", {}).get("triggerDetail")


def described(
    execution: Mapping[str, Any],
    actions: Sequence[Mapping[str, Any]],
    training: Mapping[str, Any] | None,
    steps: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """The document of one run; times are ISO, in UTC."""
    status = status_of(execution["status"], actions, training)
    resolved = {one["name"]: one["resolvedValue"] for one in execution.get("variables", [])}
    ended = status in ENDED
    return {
        "run": execution["pipelineExecutionId"],
        "status": status,
        "ended": ended,
        "reason": reason_of(actions, training, steps) if ended and status != "succeeded" else None,
        "model_package": model_package_of(steps),
        "started_by": started_by(execution),
        "asked": {name: value for name, value in resolved.items() if value != _NONE},
        "stages": [_stage(one) for one in sorted(actions, key=lambda one: one["startTime"])],
        "training": None if training is None else _training(training, steps),
    }


def _stage(action: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "stage": action["stageName"],
        "action": action["actionName"],
        "status": action["status"],
        "started_at": _iso(action["startTime"]),
        "changed_at": _iso(action["lastUpdateTime"]),
    }


def _training(training: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "execution": training["PipelineExecutionArn"],
        "status": training["PipelineExecutionStatus"],
        "steps": [
            {
                "step": one["StepName"],
                "status": one["StepStatus"],
                "started_at": _iso(one.get("StartTime")),
                "ended_at": _iso(one.get("EndTime")),
            }
            for one in steps
        ],
    }


def _put_out(actions: Iterable[Mapping[str, Any]], variable: str) -> str:
    for action in actions:
        found = action.get("output", {}).get("outputVariables", {}).get(variable)
        if found:
            return str(found)
    return ""


def _error(action: Mapping[str, Any]) -> str:
    result = action.get("output", {}).get("executionResult", {})
    details = result.get("errorDetails", {}).get("message")
    return str(details or result.get("externalExecutionSummary") or "failed, without a word why")


def _iso(time: Any) -> str | None:
    return None if time is None else str(time.isoformat())
