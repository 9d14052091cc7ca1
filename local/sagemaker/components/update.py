"""The update of an inference component: batch by batch, watched by alarms, and back where one rings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from local.sagemaker.components.copies import Copies, Copy, Release
from local.sagemaker.components.specification import UpdatePolicy
from local.sagemaker.hosting.instance import UnhealthyError
from local.sagemaker.hosting.rolling import RollbackFailedError
from local.sagemaker.hosting.watch import AbortedError, Watch


class RolledBackError(AbortedError):
    """The update was undone; the message says why."""


@dataclass
class RollingUpdate:
    """Exchanges the copies of a component for `wanted` ones of a new release.

    `alarms` raises AbortedError where an alarm of the policy is in ALARM.
    """

    copies: Copies
    old: Release
    new: Release
    wanted: int
    policy: UpdatePolicy
    alarms: Callable[[], None]

    def run(self) -> None:
        """Exchange them. RolledBackError: the copies are those of the old release again.

        RollbackFailedError: those did not come back either; what serves goes on serving.
        """
        count = self.copies.count
        watch = Watch(self.copies.stopped, self.policy.timeout_seconds, self.alarms, self._dead)
        self.copies.on_trial = self.new
        try:
            watch.bake(0)
            while self._left() or len(self._came()) < self.wanted:
                self._exchange(watch)
                watch.bake(self.policy.wait_seconds)
        except (UnhealthyError, AbortedError, OSError, RuntimeError) as error:
            self._roll_back(count, str(error))
            raise RolledBackError(str(error)) from error
        finally:
            self.copies.on_trial = None

    def _came(self) -> list[Copy]:
        return [copy for copy in self.copies.all if copy.release is self.new]

    def _left(self) -> list[Copy]:
        return [copy for copy in self.copies.all if copy.release is not self.new]

    def _dead(self) -> list[str]:
        if any(not copy.instance.alive for copy in self._came()):
            raise AbortedError(f"A copy of model {self.new.model_name} ended by itself.")
        return []

    def _exchange(self, watch: Watch) -> None:
        """New copies first, then as many old ones go: there are never fewer than there were."""
        came, left = len(self._came()), self._left()
        batch = self.policy.batch.of(max(came + len(left), self.wanted))
        self.copies.add(self.new, min(batch, self.wanted - came), watch.check)
        complete = came + batch >= self.wanted
        self.copies.remove(left if complete else left[:batch])

    def _roll_back(self, count: int, why: str) -> None:
        batch = self.policy.rollback.of(max(count, self.wanted))
        try:
            while (came := self._came()) or len(self._left()) < count:
                self.copies.add(self.old, min(batch, count - len(self._left())))
                self.copies.remove(came[:batch])
        except (UnhealthyError, OSError, RuntimeError) as error:
            raise RollbackFailedError(f"{why} The copies of before did not come back: {error}") from error
