"""The events that CodePipeline puts on the event bus."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from local.codepipeline.records import ActionRecord, Execution, action_type, now

Emit = Callable[[str, str, Mapping[str, Any], Sequence[str]], None]
# How the states of the API are written in events; what is abandoned or cancelled has one word there.
_WORDS = {"CANCELLED": "CANCELED"}


def tell(
    emit: Emit,
    execution: Execution,
    state: str,
    *,
    stage: str | None = None,
    record: ActionRecord | None = None,
) -> None:
    """Emit the change of state of an execution, of a stage or of an action."""
    detail: dict[str, Any] = {
        "pipeline": execution.pipeline,
        "execution-id": execution.id,
        "start-time": execution.started.isoformat(),
        "state": _WORDS.get(state, state),
        "version": execution.version,
    }
    what = "Pipeline"
    if stage:
        what, detail["stage"] = "Stage", stage
    elif record:
        what = "Action"
        detail |= _of_action(record, state)
    else:
        detail["execution-trigger"] = {
            "trigger-type": execution.trigger["triggerType"],
            "trigger-detail": execution.trigger.get("triggerDetail", ""),
        }
    emit("aws.codepipeline", f"CodePipeline {what} Execution State Change", detail, [execution.pipeline_arn])


def _of_action(record: ActionRecord, state: str) -> dict[str, Any]:
    kind = action_type(record.action)
    detail: dict[str, Any] = {
        "action-execution-id": record.id,
        "stage": record.action.stage,
        "action": record.action.name,
        "start-time": record.started.isoformat(),
        "type": {key: kind[key] for key in ("owner", "provider", "category", "version")},
    }
    if state != "STARTED":
        result = {
            "external-execution-id": record.external_id,
            "external-execution-url": record.external_url,
            "external-execution-summary": record.error or record.summary,
            "error-code": record.error_code,
        }
        detail["execution-result"] = {key: value for key, value in result.items() if value}
        detail["end-time"] = now().isoformat()
    return detail
