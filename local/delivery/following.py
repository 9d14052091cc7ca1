"""Follows everything that a push starts: the delivery, in however many executions, then the workflows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from local.delivery import actions as told
from local.delivery.actions import Execution
from local.delivery.approvals import Approvals
from local.delivery.follow import REACHED, WAITING, Ended, Follower, Say
from local.delivery.serving import Session
from local.delivery.starting import Pushed

_REPLACED = ("Cancelled", "Superseded", "Stopped")
_RECENT = timedelta(seconds=20)


class Line:
    """What is followed of one delivery; `follow` returns 0 where all that was started has succeeded."""

    def __init__(
        self, name: str, outputs: dict[str, str], onlooker: Session, approvals: Approvals,
        say: Say, *, stop_after: str | None = None,
    ) -> None:  # fmt: skip
        self._stack = f"{name}-delivery"
        self._outputs = outputs
        self._session = onlooker
        self._say = say
        self._follower = Follower(onlooker, approvals, say, stop_after=stop_after)

    def follow(self, commit: str, since: datetime | None) -> int:
        """Follow what the push of a commit starts, from a moment on; None is just now."""
        pushed = self._pushed(commit)
        started = pushed.await_execution(since or datetime.now(UTC) - _RECENT)
        if isinstance(started, str):
            self._say(f"Nothing was started: {started}.", style="bold")
            return 0
        return self._to_the_end(pushed, started, commit)

    def follow_again(self, commit: str) -> int:
        """Follow the newest execution of a commit that was pushed before, or say how it ended."""
        pushed = self._pushed(commit)
        found = pushed.newest()
        if found is None:
            self._say(f"{commit[:7]} was pushed before and started nothing.", style="bold")
            return 0
        if found.status == "Succeeded":
            self._say(f"{commit[:7]} was pushed before, and is deployed.", style="bold")
            return 0
        return self._to_the_end(pushed, found, commit)

    def _pushed(self, commit: str) -> Pushed:
        return Pushed(self._session, self._stack, self._outputs, commit)

    def _to_the_end(self, pushed: Pushed, execution: Execution, commit: str) -> int:
        ended = self._delivery(pushed, execution, commit)
        if ended.status == WAITING:
            remedy = "give it with: python -m local push --approve"
            self._say(f"Waiting for approval: {ended.why}; {remedy}", style="bold")
            return 1
        well = ended.status == REACHED or self._workflows(pushed.pipeline, execution.started)
        self._say(_verdict(ended, commit), style="bold green" if ended.well else "bold red")
        return 0 if ended.well and well else 1

    def _delivery(self, pushed: Pushed, execution: Execution, commit: str) -> Ended:
        """Follow the execution, and after an update of the pipeline the one that takes its place."""
        while True:
            self._say(f"{pushed.pipeline} {execution.id[:8]}", style="bold")
            ended = self._follower.follow(pushed.pipeline, execution.id, commit[:7])
            successor = pushed.successor(execution) if ended.status in _REPLACED else None
            if successor is None:
                return ended
            self._say(f"  {ended.status}: {ended.why or 'another execution takes its place'}")
            execution = successor

    def _workflows(self, delivery: str, since: datetime) -> bool:
        """Follow what has been started since the delivery was; tell whether all of it has succeeded.

        A workflow's pipeline that was made or changed runs by itself, one that was not is not there.
        """
        client = self._session.client("codepipeline")
        well = True
        for pipeline in sorted(one["name"] for one in client.list_pipelines()["pipelines"]):
            if pipeline == delivery:
                continue
            for found in reversed(told.executions(client, pipeline)):
                if found.started >= since:
                    well &= self._workflow(pipeline, found)
        return well

    def _workflow(self, pipeline: str, found: Execution) -> bool:
        self._say(f"{pipeline} {found.id[:8]}", style="bold")
        ended = self._follower.follow(pipeline, found.id, pipeline)
        self._say(f"  {pipeline}: {ended.status}", style="" if ended.well else "bold red")
        return ended.well


def _verdict(ended: Ended, commit: str) -> str:
    if ended.status == REACHED:
        return f"{commit[:7]}: {ended.why}."
    if ended.status == "Succeeded":
        return f"{commit[:7]} is deployed."
    why = " ".join(ended.why.split())
    return f"{commit[:7]}: {ended.status}{f' ({why})' if why else ''}."
