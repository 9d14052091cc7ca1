"""Start to mend what an execution left that was stopped, or that came to an end by no way of its own."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lambdas.common import environment
from lambdas.common.executions import execution_name
from lambdas.promotion.starting import Environment, start

# A recovery that is cut off is recovered too; what cuts off so many is for a person to see.
_ATTEMPTS = 3
# A release of a tree that could not go from one member to the next.
_LOST = "ReleaseLost"
_STOPPED = {"ABORTED": "Aborted", "TIMED_OUT": "TimedOut"}


class RecoveryGivenUp(Exception):  # noqa: N818 - the name in the log, and in the queue of lost events
    """One recovery after the other was cut off."""


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Start one execution for one that was cut off; it stands in line where that one stood.

    In: EventBridge "Step Functions Execution Status Change" of the promotion's state machines.
    Out: {"execution": name | null, "started": bool}; null where the execution ended by itself.
    Raises RecoveryGivenUp.
    """
    detail = event["detail"]
    error = cut_off(detail)
    if error is None:
        return {"execution": None, "started": False}
    before = json.loads(detail["input"])
    attempt = before.get("attempt", 0) + 1
    if attempt > _ATTEMPTS:
        raise RecoveryGivenUp(f"{detail['name']}: cut off after {_ATTEMPTS} recoveries of {before['model']}")
    cause = f"{detail['name']} ended as {detail['status']}: {detail.get('cause') or 'no cause was given'}"
    document = {
        **{name: before[name] for name in _KEPT},
        "purpose": "recover",
        "attempt": attempt,
        "event_id": event["id"],
        "cut_off": {
            "execution": detail["name"],
            "started_at": datetime.fromtimestamp(detail["startDate"] / 1000, UTC).isoformat(),
        },
        "failure": {"Error": error, "Cause": cause},
    }
    name = execution_name(f"recovery-{before['model']}", event["id"])
    settings = environment.read(Environment)
    return start(settings, name=name, order=before["turn"]["order"], ordered=False, document=document)


def cut_off(detail: Mapping[str, Any]) -> str | None:
    """Name how an execution was cut off; None for one that went through its own states to its end."""
    error = str(detail.get("error") or "")
    if detail["status"] == "FAILED" and (error.startswith("States.") or error == _LOST):
        return error
    return _STOPPED.get(detail["status"])


_KEPT = ("model", "model_package_arn", "approved_at", "approved_by", "digest")
