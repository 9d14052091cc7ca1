"""One run of a tuning job: training jobs, a number of them at once, until there are enough."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Literal, NamedTuple

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.sagemaker.jobs.jobs import Jobs
from local.sagemaker.table import Record
from local.sagemaker.tuning.early_stopping import hopeless
from local.sagemaker.tuning.plan import Plan
from local.sagemaker.tuning.trial import Trial, fatal, tried


class End(NamedTuple):
    """How a tuning job ended; the reason is told where it failed."""

    status: Literal["Completed", "Failed", "Stopped"]
    reason: str | None = None


class TuningRun:
    """Starts the training jobs, follows what they print, and stops those that are not worth their time.

    Training jobs run in the definition's role, which the caller passed, as calls of the caller's account.
    """

    def __init__(
        self, plan: Plan, arn: str, jobs: Jobs, call: Call, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._plan, self._arn, self._jobs, self._call, self._clock = plan, arn, jobs, call, clock
        self._deadline = clock() + (plan.seconds or math.inf)
        self._trials: list[Trial] = []
        self._changed = threading.Condition()
        self._stopping = False

    def trials(self) -> list[Trial]:
        """Give the training jobs, as they stand, in the order in which they were started."""
        with self._changed:
            for trial in self._trials:
                if trial.described and not trial.over:
                    trial.described = self._jobs.describe(trial.name)
            return list(self._trials)

    def stop(self) -> None:
        """Stop the training jobs, and start none any more."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._stop_all()

    def run(self) -> End:
        """Run to the end."""
        try:
            while self._may_start():
                self._start()
            reason = self._failure()
        except AwsError as error:
            reason = f"ClientError: {error.message}"
        except Exception as error:  # whatever a strategy comes to: the tuning job ends with it
            reason = f"InternalServerError: {type(error).__name__}: {error}"
        # Also one that was being started when the tuning job was stopped.
        if reason or self._stopping or self._out_of_time():
            self._stop_all()
        self._wait_for_all()
        if self._stopping:
            return End("Stopped")
        reason = reason or fatal(self._trials, all_started=True)
        return End("Failed", reason) if reason else End("Completed")

    def measured(self, job: str, metric: str, value: float) -> None:
        """Hear a value of the objective; a job that is hopeless is stopped where that is asked for."""
        if metric != self._plan.objective or not math.isfinite(value):
            return
        with self._changed:
            trial = next(trial for trial in self._trials if trial.name == job)
            trial.values.append(value)
            completed = [other.values for other in self._trials if other.status == "Completed"]
            stop = self._plan.early_stopping and not trial.stopped_early
            stop = stop and hopeless(trial.values, completed, maximize=self._plan.maximize)
            trial.stopped_early = trial.stopped_early or stop
        if stop:
            self._jobs.stop(job)

    def ended(self, job: str) -> None:
        """Hear that a training job has ended."""
        with self._changed:
            trial = next(trial for trial in self._trials if trial.name == job)
            trial.described = self._jobs.describe(job)
            self._changed.notify_all()

    def _may_start(self) -> bool:
        """Wait until another training job may start; False where none is to."""
        with self._changed:
            while True:
                if self._done():
                    return False
                running = sum(not trial.over for trial in self._trials)
                if running < self._plan.parallel and not self._all_started():
                    return True
                if self._all_started() and not running:
                    return False
                self._changed.wait(self._patience())

    def _done(self) -> bool:
        return self._stopping or self._out_of_time() or self._failure() is not None

    def _failure(self) -> str | None:
        return fatal(self._trials, all_started=self._all_started())

    def _all_started(self) -> bool:
        return self._plan.most is not None and len(self._trials) >= self._plan.most

    def _out_of_time(self) -> bool:
        return self._clock() >= self._deadline

    def _patience(self) -> float | None:
        return None if math.isinf(self._deadline) else max(0.0, self._deadline - self._clock())

    def _start(self) -> None:
        with self._changed:
            number, known = len(self._trials), tried(self._trials)
        chosen = self._plan.strategy.choose(number, known)
        trial = Trial(self._plan.job_name(number), chosen)
        request: Record = self._plan.job(trial.name, chosen)
        with self._changed:
            if self._stopping:
                return
            self._trials.append(trial)
            try:
                self._jobs.create(self._call, request, self, TuningJobArn=self._arn)
            except AwsError:
                self._trials.remove(trial)
                raise
            trial.described = self._jobs.describe(trial.name)

    def _stop_all(self) -> None:
        with self._changed:
            running = [trial.name for trial in self._trials if not trial.over]
        for name in running:
            self._jobs.stop(name)

    def _wait_for_all(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: all(trial.over for trial in self._trials))
