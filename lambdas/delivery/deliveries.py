"""The start of the infrastructure pipeline, for a revision of its source."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lambdas.delivery.changed_paths import first_delivered

# As the stack names the action; nothing is started for another one.
SOURCE_ACTION = "Source"


@dataclass(frozen=True)
class Environment:
    """The pipeline, and as a JSON list the patterns of the files whose change starts nothing."""

    pipeline: str
    ignore: str


@dataclass(frozen=True)
class Revision:
    """What is to be checked out, as StartPipelineExecution names it."""

    kind: str
    value: str


def deliver(
    codepipeline: Any,
    settings: Environment,
    *,
    event_id: str,
    revision: Revision,
    changed: Iterable[str] | None,
) -> dict[str, Any]:
    """Start the pipeline unless all changed files are ignored; None for `changed` is a change of everything.

    The event's id is the token of the start: an event that comes twice starts one execution. What was decided
    goes to the function's log too: who pushed and sees nothing start finds the reason there.
    """
    decided = _decide(codepipeline, settings, event_id, revision, changed)
    print(json.dumps(decided))
    return decided


def _decide(
    codepipeline: Any,
    settings: Environment,
    event_id: str,
    revision: Revision,
    changed: Iterable[str] | None,
) -> dict[str, Any]:
    because = "everything is new"
    if changed is not None:
        path = first_delivered(changed, json.loads(settings.ignore))
        if path is None:
            return {"revision": revision.value, "execution": None, "because": "all that changed is ignored"}
        because = f"{path} changed"
    started = codepipeline.start_pipeline_execution(
        name=settings.pipeline,
        clientRequestToken=event_id,
        sourceRevisions=[
            {"actionName": SOURCE_ACTION, "revisionType": revision.kind, "revisionValue": revision.value}
        ],
    )
    return {"revision": revision.value, "execution": started["pipelineExecutionId"], "because": because}
