"""Follows executions of state machines and pipelines as the operator does, until they end."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

_POLL_SECONDS = 0.5
_LONGEST_CAUSE = 600


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


def _cause(found: Mapping[str, Any]) -> str:
    cause = str(found.get("cause", ""))
    try:
        document = json.loads(cause)
        cause = str(document.get("errorMessage", cause))
    except (ValueError, AttributeError):
        pass
    return " ".join(cause.split())[:_LONGEST_CAUSE]
