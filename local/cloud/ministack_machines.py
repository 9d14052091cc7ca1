"""The tasks of ministack's state machines, which are done by us."""

from __future__ import annotations

import contextvars
import functools
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.cloud import ministack_request as request
from local.cloud.touchpoints import Touchpoint, module

TOUCHPOINTS = (
    Touchpoint(
        "ministack.services.stepfunctions",
        "_execute_task",
        ("state_def", "raw_input", "execution", "ctx"),
    ),
    Touchpoint("ministack.services.stepfunctions", "_invoke_resource", ("resource", "input_data")),
    Touchpoint(
        "ministack.services.stepfunctions",
        "_invoke_with_callback",
        ("resource", "input_data", "token", "state_def"),
    ),
    Touchpoint("ministack.services.stepfunctions", "_ExecutionError", ("error", "cause")),
    Touchpoint("ministack.services.stepfunctions", "_state_machines"),
    Touchpoint("ministack.services.stepfunctions", "_task_tokens"),
)

_TOKEN_ACTIONS = ("states:SendTaskSuccess", "states:SendTaskFailure", "states:SendTaskHeartbeat")


@dataclass(frozen=True)
class Execution:
    """The state machine execution that performs a task."""

    arn: str
    role_arn: str
    running: Callable[[], bool]


class TaskError(Exception):
    """A Step Functions task failed with an error name and a cause."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


PerformTask = Callable[[str, Any, Execution], Any]
_execution: contextvars.ContextVar[Execution | None] = contextvars.ContextVar("execution", default=None)


class Machines:
    """Hands tasks on, and knows which machine a task token is of."""

    def __init__(self) -> None:
        # Kept when a token is spent: who may use it is then told that it is, not that it is denied.
        self._machines_of_tokens: dict[str, str] = {}

    def checked_resource(self, action: str, resource: str) -> str:
        """Return the state machine that the request's task token is of: AWS checks the call against it."""
        if action not in _TOKEN_ACTIONS:
            return resource
        return self._machines_of_tokens.get(request.member("taskToken"), resource)

    def on_task(self, perform: PerformTask) -> None:
        """Let `perform` do every task of every state machine; it raises TaskError to fail the state."""
        machines = module("services.stepfunctions")
        original = machines._execute_task
        activity = machines._invoke_resource

        @functools.wraps(original)
        def execute_task(state: Any, raw_input: Any, execution: Any, context: Any) -> Any:
            role = machines._state_machines[execution["stateMachineArn"]]["roleArn"]
            running = Execution(
                execution["executionArn"], role, lambda: bool(execution["status"] == "RUNNING")
            )
            token = _execution.set(running)
            try:
                return original(state, raw_input, execution, context)
            finally:
                _execution.reset(token)

        @functools.wraps(activity)
        def invoke(resource: str, parameters: Any) -> Any:
            if ":activity:" in resource:
                return activity(resource, parameters)
            try:
                return perform(resource, parameters, request.required(_execution))
            except TaskError as error:
                raise machines._ExecutionError(error.error, error.cause) from error

        @functools.wraps(machines._invoke_with_callback)
        def invoke_with_callback(resource: str, parameters: Any, token: str, state: Any) -> Any:
            waiting: dict[str, Any] = {
                "event": threading.Event(), "result": None, "error": None, "heartbeat": None
            }  # fmt: skip
            self._machines_of_tokens[token] = _machine_arn(request.required(_execution).arn)
            machines._task_tokens[token] = waiting
            try:
                invoke(resource.replace(".waitForTaskToken", ""), parameters)
                _await_callback(waiting, state, request.required(_execution))
            except TaskError as error:
                raise machines._ExecutionError(error.error, error.cause) from error
            finally:
                machines._task_tokens.pop(token, None)
            return json.loads(waiting["result"] or "{}")

        machines._execute_task = execute_task
        machines._invoke_resource = invoke
        machines._invoke_with_callback = invoke_with_callback


def _await_callback(waiting: Mapping[str, Any], state: Mapping[str, Any], execution: Execution) -> None:
    """Wait until the task's token came back, its time is over or the execution was stopped."""
    timeout, heartbeat = state.get("TimeoutSeconds"), state.get("HeartbeatSeconds")
    started = last_sign = time.monotonic()
    sign = waiting["heartbeat"]
    while not waiting["event"].wait(0.2):
        now = time.monotonic()
        if waiting["heartbeat"] != sign:
            sign, last_sign = waiting["heartbeat"], now
        if not execution.running():
            raise TaskError("States.Runtime", "the execution was stopped")
        if timeout is not None and now - started > timeout:
            raise TaskError("States.Timeout", f"no task token came back within {timeout} seconds")
        if heartbeat is not None and now - last_sign > heartbeat:
            raise TaskError("States.HeartbeatTimeout", f"no heartbeat within {heartbeat} seconds")
    if error := waiting["error"]:
        raise TaskError(error.get("Error", "TaskFailed"), error.get("Cause", ""))


def _machine_arn(execution_arn: str) -> str:
    return execution_arn.replace(":execution:", ":stateMachine:", 1).rpartition(":")[0]
