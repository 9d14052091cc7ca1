"""Managed spot training: what a request must say, how long a job may take, what of its time is billed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from local.cloud.errors import AwsError

_DAY_SECONDS = 86_400
# AWS bills by the price of the day; no price changes here.
_BILLED_SHARE = 0.3


def check_times(request: Mapping[str, Any]) -> None:
    """Refuse waiting times that AWS refuses, in its words."""
    stopping = request.get("StoppingCondition", {})
    wait = stopping.get("MaxWaitTimeInSeconds")
    if not request.get("EnableManagedSpotTraining"):
        if wait is not None:
            reason = "It is only supported when EnableManagedSpotTraining is set to true"
            raise AwsError("ValidationException", f"Invalid MaxWaitTimeInSeconds. {reason}")
        return
    if wait is None or wait < stopping.get("MaxRuntimeInSeconds", _DAY_SECONDS):
        reason = "It must be present and be greater than or equal to MaxRuntimeInSeconds"
        raise AwsError("ValidationException", f"Invalid MaxWaitTimeInSeconds. {reason}")


class Times:
    """The times of one job: what it may still take, and what it took on instances so far.

    MaxRuntimeInSeconds bounds all that runs, MaxWaitTimeInSeconds all from the start, waiting included.
    """

    def __init__(self, request: Mapping[str, Any], clock: Callable[[], float] = time.monotonic) -> None:
        stopping = request.get("StoppingCondition", {})
        self.runtime_limit: int = stopping.get("MaxRuntimeInSeconds", _DAY_SECONDS)
        self.spot = bool(request.get("EnableManagedSpotTraining"))
        self._wait_limit = stopping.get("MaxWaitTimeInSeconds", math.inf)
        self._clock, self._start = clock, clock()
        self._held, self._since = 0.0, self._start

    def launched(self) -> None:
        """Note that the instance is there."""
        self._since = self._clock()

    def released(self) -> None:
        """Note that the instance is gone."""
        self._held += self._clock() - self._since

    def wait_left(self) -> float:
        """Give the seconds until MaxWaitTimeInSeconds is over."""
        return float(max(0.0, self._start + self._wait_limit - self._clock()))

    def run_left(self) -> float:
        """Give the seconds that the program may run now."""
        taken = self._held + self._clock() - self._since
        return min(max(0.0, self.runtime_limit - taken), self.wait_left())

    def exceeded(self) -> Literal["MaxRuntimeExceeded", "MaxWaitTimeExceeded"]:
        """Tell which limit a job that was stopped by its time had reached."""
        return "MaxWaitTimeExceeded" if self.wait_left() <= 0 else "MaxRuntimeExceeded"

    def told(self) -> dict[str, int]:
        """Give the times that Describe tells, both at least 1."""
        training = max(1, round(self._held))
        billable = max(1, math.ceil(training * _BILLED_SHARE)) if self.spot else training
        return {"TrainingTimeInSeconds": training, "BillableTimeInSeconds": billable}
