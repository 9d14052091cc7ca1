"""What ends a deployment before its time: alarms, dead instances, the time limit, a deletion."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

_LOOK_EVERY_SECONDS = 0.25


class AbortedError(Exception):
    """The deployment does not go on; the message says why."""


class Alarms:
    """The auto-rollback alarms, read with a client of the model's execution role, as SageMaker does."""

    def __init__(self, cloudwatch: Any, names: Sequence[str]) -> None:
        self._cloudwatch, self._names = cloudwatch, list(names)

    def check(self) -> None:
        """Raise AbortedError if an alarm is in ALARM, is not there or cannot be read."""
        try:
            answer = self._cloudwatch.describe_alarms(
                AlarmNames=self._names, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
            )
        except (ClientError, BotoCoreError) as error:
            raise AbortedError(f"The auto-rollback alarms cannot be read: {error}") from error
        found = {a["AlarmName"]: a for a in [*answer["MetricAlarms"], *answer.get("CompositeAlarms", [])]}
        if missing := [name for name in self._names if name not in found]:
            raise AbortedError(f"Auto-rollback alarms do not exist: {', '.join(missing)}.")
        if ringing := [name for name, alarm in found.items() if alarm["StateValue"] == "ALARM"]:
            raise AbortedError(f"One or more auto-rollback alarms are in ALARM state: {', '.join(ringing)}.")


class Watch:
    """Looks, while a deployment runs, whether it may go on."""

    def __init__(
        self,
        stopped: threading.Event,
        timeout: float | None,
        alarms: Callable[[], None] | None,
        dead: Callable[[], list[str]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stopped, self._alarms, self._dead, self._clock = stopped, alarms, dead, clock
        self._timeout = timeout
        self._deadline = None if timeout is None else clock() + timeout

    def check(self) -> bool:
        """Raise AbortedError if the endpoint was deleted or the time is over; False: nothing is cancelled."""
        if self._stopped.is_set():
            raise AbortedError("The endpoint was deleted.")
        if self._deadline is not None and self._clock() >= self._deadline:
            raise AbortedError(f"The deployment exceeded MaximumExecutionTimeoutInSeconds ({self._timeout}).")
        return False

    def bake(self, seconds: float) -> None:
        """Wait; AbortedError as soon as an alarm rings, an instance dies or `check` says so."""
        end = self._clock() + seconds
        while True:
            self.check()
            if dead := self._dead():
                raise AbortedError(f"An instance of production variant {dead[0]} failed its health check.")
            if self._alarms:
                self._alarms()
            rest = end - self._clock()
            if rest <= 0:
                return
            self._stopped.wait(min(rest, _LOOK_EVERY_SECONDS))
