"""Approvals that a pipeline waits for: asked for on a terminal, given beforehand, or left to others."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Protocol

from local.delivery.actions import Action
from local.delivery.serving import Session


class Decide(Protocol):
    """Says whether what waits is to go on: True, False, or None to leave it to somebody else."""

    def __call__(self, what: str) -> bool | None:
        """Decide about `what` ("Prod ApproveProd of 1a2b3c4")."""


class Approvals:
    """Answers CodePipeline in the name of the approver, who has the right to that and nothing else."""

    def __init__(self, approver: Callable[[], Session | None], decide: Decide) -> None:
        self._approver = approver  # asked when it is needed: a push may be what brings the approval about
        self._decide = decide

    def answer(self, pipeline: str, action: Action, what: str) -> bool:
        """Approve or reject what the action waits for; False when it is left waiting."""
        decided = self._decide(what)
        approver = self._approver() if decided is not None else None
        if approver is None:
            return False
        client = approver.client("codepipeline")
        token = _token(client, pipeline, action)
        if token is None:
            return False
        client.put_approval_result(
            pipelineName=pipeline, stageName=action.stage, actionName=action.name, token=token,
            result={
                "status": "Approved" if decided else "Rejected",
                "summary": f"by python -m local push: {what}"[:512],
            },
        )  # fmt: skip
        return True


def _token(client: Any, pipeline: str, action: Action) -> str | None:
    for stage in client.get_pipeline_state(name=pipeline)["stageStates"]:
        for state in stage["actionStates"]:
            if (stage["stageName"], state["actionName"]) == (action.stage, action.name):
                token: str | None = state.get("latestExecution", {}).get("token")
                return token
    return None


def given(what: str) -> bool | None:
    """Approve: the user said so before."""
    return True


def left(what: str) -> bool | None:
    """Leave it: nobody is there to ask."""
    return None


def asked(say: Callable[[str], None]) -> Decide:
    """Return what asks on the terminal; where there is none, it leaves the decision."""

    def ask(what: str) -> bool | None:
        if not sys.stdin.isatty():
            return None
        say(f"Approve {what}? [y/n, Enter to leave it waiting] ")
        answer = sys.stdin.readline().strip().lower()
        return {"y": True, "yes": True, "n": False, "no": False}.get(answer)

    return ask
