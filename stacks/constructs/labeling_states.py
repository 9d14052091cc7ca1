"""The states of a labeling execution, whoever labels, and what they hand to each other."""

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from stacks.constructs.python_function import PythonFunction
from stacks.constructs.states import retry_what_passes

EXECUTION = {"execution": sfn.JsonPath.string_at("$$.Execution.Id")}
STATE = {
    **EXECUTION,
    "model": sfn.JsonPath.string_at("$.model"),
    "classes": sfn.JsonPath.list_at("$.classes"),
    "round": sfn.JsonPath.number_at("$.round"),
}
SUGGESTIONS = {"suggestions": sfn.JsonPath.object_at("$.suggestions")}


def found(*, not_suggested: str) -> dict[str, Any]:
    """What the search for images found, before anything is suggested; `not_suggested` says why."""
    return {
        **{name: sfn.JsonPath.string_at(f"$.{name}") for name in ("execution", "model")},
        "classes": sfn.JsonPath.list_at("$.classes"),
        **{name: sfn.JsonPath.number_at(f"$.{name}") for name in ("round", "count")},
        "suggestions": {"suggested": 0, "of": 0, "reason": not_suggested},
    }


def call(
    scope: Construct,
    name: str,
    function: PythonFunction,
    payload: Mapping[str, Any],
    *,
    result_path: str | None = None,
    result_selector: dict[str, Any] | None = None,
    attempts: int = 8,
) -> tasks.LambdaInvoke:
    """Call a function that goes on from where it came to; its answer replaces the state without a path."""
    state = tasks.LambdaInvoke(
        scope,
        name,
        lambda_function=function,
        payload=sfn.TaskInput.from_object(dict(payload)),
        payload_response_only=True,
        result_path=result_path,
        result_selector=result_selector,
        retry_on_service_exceptions=False,
        task_timeout=sfn.Timeout.duration(cdk.Duration.minutes(16)),
    )
    return retried(state, attempts)


def retried(state: tasks.LambdaInvoke, attempts: int = 8) -> tasks.LambdaInvoke:
    """Go on at once where a function ran out of time; wait ever longer for what passes by itself."""
    state.add_retry(errors=["OutOfTime"], interval=cdk.Duration.seconds(1), backoff_rate=1, max_attempts=50)
    retry_what_passes(state, max_attempts=attempts)
    return state


def failed(scope: Construct, name: str) -> sfn.Fail:
    """The end by the name of the state that failed, whose error is kept at `$.error`."""
    return sfn.Fail(
        scope,
        f"{name} failed",
        error_path="$.error.Error",
        cause_path=sfn.JsonPath.format(f"{name}: {{}}", sfn.JsonPath.string_at("$.error.Cause")),
    )
