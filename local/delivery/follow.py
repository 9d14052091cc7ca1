"""Follows an execution of a pipeline, with a line for each action that has ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from local.delivery import actions as told
from local.delivery.actions import RUNNING, Action
from local.delivery.approvals import Approvals
from local.delivery.failure import reasons
from local.delivery.serving import Session

Say = Callable[..., None]
WAITING = "WaitingForApproval"
REACHED = "Reached"
_POLL_SECONDS = 0.5
_QUIET_SECONDS = 30.0
_LONGEST = 72
_NOTHING_TO_CHANGE = "is empty."


@dataclass(frozen=True)
class Ended:
    """How an execution ended: CodePipeline's status, or WAITING for an approval that nobody here gives."""

    status: str
    why: str = ""

    @property
    def well(self) -> bool:
        """Whether all that was to be done is done."""
        return self.status in ("Succeeded", REACHED)


class Follower:
    """Follows executions as the onlooker; approvals are given by the approver."""

    def __init__(
        self, session: Session, approvals: Approvals, say: Say, *, stop_after: str | None = None
    ) -> None:
        self._session = session
        self._client = session.client("codepipeline")
        self._approvals = approvals
        self._say = say
        self._stop_after = stop_after
        self._shown: set[str] = set()
        self._last = time.monotonic()

    def follow(self, pipeline: str, execution_id: str, what: str) -> Ended:
        """Show what an execution does until it ends; `what` names what it deploys."""
        decided: set[str] = set()
        while True:
            found = told.execution(self._client, pipeline, execution_id)
            attempts = told.actions(self._client, pipeline, execution_id)
            self._show(attempts)
            if found.status not in RUNNING:
                # What ended between the two answers above.
                self._show(told.actions(self._client, pipeline, execution_id))
                return Ended(found.status, found.summary)
            if self._reached(attempts):
                return Ended(REACHED, f"{self._stop_after} is done; the rest goes on")
            for action in attempts:
                if (
                    action.category == "Approval"
                    and action.status == "InProgress"
                    and action.id not in decided
                ):
                    place = f"{action.stage} {action.name} of {what}"
                    if not self._approvals.answer(pipeline, action, place):
                        return Ended(WAITING, place)
                    decided.add(action.id)
            time.sleep(_POLL_SECONDS)

    def _reached(self, attempts: list[Action]) -> bool:
        """Tell whether the stage to stop after is behind us: something of a later stage has begun."""
        stages = list(dict.fromkeys(action.stage for action in attempts))
        return self._stop_after in stages and stages[-1] != self._stop_after

    def _show(self, attempts: list[Action]) -> None:
        for action in attempts:
            if action.id not in self._shown and action.status != "InProgress":
                self._shown.add(action.id)
                self._last = time.monotonic()
                self._line(action)
        if time.monotonic() - self._last > _QUIET_SECONDS:
            self._last = time.monotonic()
            for action in attempts:
                if action.status == "InProgress":
                    seconds = (datetime.now(UTC) - action.started).total_seconds()
                    self._say(f"  .. {action.stage:<14} {action.name:<34} {seconds:7.0f} s so far")

    def _line(self, action: Action) -> None:
        well = action.status == "Succeeded"
        shown = _outcome(action) if well else action.status
        style = "" if well else "bold red"
        sign = "ok" if well else "!!"
        self._say(
            f"  {sign} {action.stage:<14} {action.name:<34} {action.seconds:7.1f} s  {shown}", style=style
        )
        if action.status == "Failed":
            for line in reasons(self._session, action):
                self._say(f"       {line}", style="red")


def _outcome(action: Action) -> str:
    """Return what is worth a word of an action that went well."""
    summary = " ".join(action.summary.split())[:_LONGEST]
    if action.category == "Source":
        return summary or action.variables.get("CommitId", "")[:12]
    if action.provider == "CloudFormation":
        return "" if summary.endswith(_NOTHING_TO_CHANGE) else "changed"
    if "started" in action.variables:
        return f"started: {action.variables['started']}"
    return summary if action.category == "Approval" else ""
