"""The stages of one pipeline, each of which one execution passes at a time, unless they run in parallel."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from local.codepipeline.records import Execution


class Superseded(Exception):  # noqa: N818 - nothing is wrong
    """A more recent execution came to the stage while this one waited before it."""


@dataclass
class Transition:
    """Whether executions may enter a stage, and who said so."""

    enabled: bool = True
    reason: str = ""
    changed_by: str = ""


@dataclass
class _Stage:
    holder: Execution | None = None
    waiting: list[Execution] = field(default_factory=list)
    latest: Execution | None = None


class StageLocks:
    """Lets executions in, as their pipeline's mode says.

    SUPERSEDED: one waits before a stage; a more recent one takes its place. QUEUED: they enter in the order
    in which they came. PARALLEL: nobody waits. In all modes nobody passes a disabled transition. A stage is
    free again when its execution has ended it, whether it succeeded, failed or was stopped.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self._stages: dict[str, _Stage] = {}
        self._transitions: dict[str, Transition] = {}

    def queue(self, execution: Execution, stage: str) -> None:
        """Put an execution before a stage, for its thread to enter it: threads do not keep an order."""
        with self.changed:
            waiting = self._stages.setdefault(stage, _Stage()).waiting
            if execution not in waiting:
                waiting.append(execution)
            self.changed.notify_all()

    def enter(self, execution: Execution, stage: str) -> bool:
        """Wait before the stage, and enter it; False when the execution is stopped before that.

        Raises Superseded.
        """
        with self.changed:
            self.queue(execution, stage)
            place = self._stages[stage]
            try:
                while not self._may_enter(execution, stage, place):
                    self.changed.wait()
                if execution.stopping.is_set():
                    return False
            finally:
                place.waiting.remove(execution)
            if execution.mode != "PARALLEL":
                place.holder = execution
            place.latest = execution
            self.changed.notify_all()
            return True

    def _may_enter(self, execution: Execution, stage: str, place: _Stage) -> bool:
        if execution.stopping.is_set():
            return True
        ahead = [*place.waiting, *([place.latest] if place.latest else [])]
        if execution.mode == "SUPERSEDED" and any(e.number > execution.number for e in ahead):
            raise Superseded
        if not self.transition(stage).enabled:
            return False
        if execution.mode == "PARALLEL":
            return True
        return place.holder is None and (execution.mode == "SUPERSEDED" or place.waiting[0] is execution)

    def leave(self, execution: Execution, stage: str, following: str | None) -> None:
        """Free the stage for the next, and come before the following one in the same moment."""
        with self.changed:
            if following:
                self.queue(execution, following)
            if self._stages[stage].holder is execution:
                self._stages[stage].holder = None
            self.changed.notify_all()

    def wake(self) -> None:
        """Let those that wait look whether they have been stopped."""
        with self.changed:
            self.changed.notify_all()

    def waiting(self, stage: str) -> list[Execution]:
        """Give the executions that wait before a stage."""
        with self.changed:
            return list(self._stages.setdefault(stage, _Stage()).waiting)

    def latest(self, stage: str) -> Execution | None:
        """Give the execution that entered a stage last."""
        with self.changed:
            return self._stages.setdefault(stage, _Stage()).latest

    def transition(self, stage: str) -> Transition:
        """Give the state of the transition into a stage."""
        with self.changed:
            return self._transitions.setdefault(stage, Transition())

    def set_transition(self, stage: str, transition: Transition) -> None:
        """Open or close a stage to executions."""
        with self.changed:
            self._transitions[stage] = transition
            self.changed.notify_all()
