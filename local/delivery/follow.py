"""Follows an execution of a pipeline, with a line for each action that has ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from local.delivery import actions as told
from local.delivery.actions import RUNNING, Action, Execution
from local.delivery.approvals import Approvals
from local.delivery.failure import reasons
from local.delivery.serving import Session

Say = Callable[..., None]
WAITING = "WaitingForApproval"
REACHED = "Reached"
_POLL_SECONDS = 0.5
_QUIET_SECONDS = 30.0


@dataclass(frozen=True)
class Ended:
    """How an execution ended: CodePipeline's status, or WAITING for an approval that nobody here gives."""

    status: str
    why: str = ""
    started: tuple[str, ...] = ()  # the workflow pipelines that it started

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
                return self._ended(pipeline, found)
            if self._reached(attempts):
                return Ended(REACHED, f"{self._stop_after} is done; the rest goes on", _workflows(attempts))
            for action in attempts:
                if (
                    action.category == "Approval"
                    and action.status == "InProgress"
                    and action.id not in decided
                ):
                    place = f"{action.stage} {action.name} of {what}"
                    if not self._approvals.answer(pipeline, action, place):
                        return Ended(WAITING, place, _workflows(attempts))
                    decided.add(action.id)
            time.sleep(_POLL_SECONDS)

    def _ended(self, pipeline: str, found: Execution) -> Ended:
        attempts = told.actions(self._client, pipeline, found.id)
        return Ended(found.status, found.summary, _workflows(attempts))

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
    if action.category == "Source":
        return " ".join(action.summary.split())[:72] or action.variables.get("CommitId", "")[:12]
    if "started" in action.variables:
        return f"started: {action.variables['started']}"
    return " ".join(action.summary.split())[:72] if action.category == "Approval" else ""


def _workflows(attempts: list[Action]) -> tuple[str, ...]:
    """Return the pipelines that the execution's function has started after the deployment."""
    said = ", ".join(a.variables["started"] for a in attempts if "started" in a.variables)
    return tuple(name for name in said.split(", ") if name and name != "none")
