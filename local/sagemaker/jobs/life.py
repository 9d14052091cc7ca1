"""The life of one job, from its download to its last status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from local.sagemaker.jobs.error import LONGEST_REASON, JobError
from local.sagemaker.jobs.job import Cause
from local.sagemaker.jobs.run import JobRun
from local.sagemaker.jobs.spot import Times
from local.sagemaker.log_stream import LogStream
from local.sagemaker.table import Record

Status = Literal["Completed", "Failed", "Stopped"]


class End(NamedTuple):
    """How a job ended: its status, its secondary status, and what Describe tells beside them."""

    status: Status
    secondary: str
    told: Record


class Life:
    """Runs a job to its end, again after each interruption; `mark` hears its secondary statuses."""

    def __init__(self, run: JobRun, log: LogStream, mark: Callable[[str], object], *, trains: bool) -> None:
        self.times = Times(run.request)
        self._run, self._log, self._mark, self._trains = run, log, mark, trains

    def live(self) -> End:
        """Live, and say how it ended."""
        try:
            return self._live()
        except JobError as failure:
            self.times.released()
            return End("Failed", "Failed", {"FailureReason": str(failure)[:LONGEST_REASON]})

    def _live(self) -> End:
        while True:
            cause = self._attempt()
            if cause != "interrupted":
                return self._ended(cause)
            self.times.released()
            self._mark("Interrupted")
            if not self._run.await_capacity(self.times.wait_left()):
                over = self.times.wait_left() <= 0
                return self._timed_out({}) if over else End("Stopped", "Stopped", {})
            self._mark("Starting")

    def _attempt(self) -> Cause:
        self.times.launched()
        self._mark("Downloading")
        self._run.download()
        self._mark("Training")
        return self._run.execute(self._log, self.times.run_left())

    def _ended(self, cause: Cause) -> End:
        results: Record = {}
        # Training keeps what it has so far on S3, also when it is stopped.
        if self._trains or cause == "exited":
            if cause == "exited":
                self._mark("Uploading")
            results = self._run.upload()
        self.times.released()
        if cause == "timed out":
            return self._timed_out(results)
        done: Status = "Stopped" if cause == "stopped" else "Completed"
        return End(done, done, results)

    def _timed_out(self, results: Record) -> End:
        exceeded = self.times.exceeded()
        if exceeded == "MaxWaitTimeExceeded":
            reason = "The spot job was not done within its MaxWaitTimeInSeconds and was stopped"
        else:
            limit = self.times.runtime_limit
            reason = f"The job ran longer than its MaxRuntimeInSeconds of {limit} and was stopped"
        return End("Stopped", exceeded, {**results, "FailureReason": reason})
