"""One run of a job's program; a spot job runs again after each interruption."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from contextlib import nullcontext
from typing import Any

from local.cloud.processes import Processes
from local.sagemaker.jobs.checkpoints import Checkpoints
from local.sagemaker.jobs.error import JobError, algorithm_error, transfer_error
from local.sagemaker.jobs.job import Cause, JobKind, Place
from local.sagemaker.log_stream import LogStream

_GRACE_SECONDS = 5.0
_NOTICE_SECONDS = 30.0  # of an interruption, in which a checkpoint can be written: AWS gives two minutes
_LOOK_EVERY_SECONDS = 0.2
_REST_OF_OUTPUT_SECONDS = 10.0


class JobRun:
    """Downloads, executes, uploads; every failure becomes a JobError with its reason."""

    def __init__(self, kind: JobKind, request: dict[str, Any], place: Place, processes: Processes) -> None:
        self.request = request
        self._kind, self._place, self._processes = kind, place, processes
        self._stop, self._interrupted = threading.Event(), threading.Event()
        self._capacity_back = 0.0
        self._checkpoints: Checkpoints | None = None

    def stop(self) -> None:
        """End the program: asked first, then killed."""
        self._stop.set()

    def interrupt(self, capacity_after_seconds: float) -> None:
        """Take the instance away; another is there so many seconds later."""
        self._capacity_back = time.monotonic() + capacity_after_seconds
        self._interrupted.set()

    def await_capacity(self, longest_seconds: float) -> bool:
        """Wait for another instance, an empty one, and tell whether there is one."""
        left = max(0.0, self._capacity_back - time.monotonic())
        if self._stop.wait(min(left, longest_seconds)) or longest_seconds <= left:
            return False
        shutil.rmtree(self._place.folder.root)
        self._place.folder.root.mkdir(parents=True)
        self._interrupted.clear()
        return True

    def download(self) -> None:
        """Lay out the job's folder."""
        try:
            self._kind.download(self.request, self._place)
            self._checkpoints = self._kind.checkpoints(self.request, self._place)
            if self._checkpoints:
                self._checkpoints.fetch()
        except Exception as error:
            raise JobError(transfer_error("Data download failed", error)) from error

    def upload(self) -> dict[str, Any]:
        """Keep the results and give what Describe tells of them."""
        try:
            return self._kind.upload(self.request, self._place)
        except Exception as error:
            raise JobError(transfer_error("Upload of the results failed", error)) from error

    def execute(self, log: LogStream, limit_seconds: float) -> Cause:
        """Run the program to its end, its limit, an interruption or a call to stop, and say which it was."""
        with self._checkpoints or nullcontext():
            child = self._start()
            reader = threading.Thread(target=log.follow, args=(child.stdout,), daemon=True)
            reader.start()
            cause = self._wait(child, limit_seconds)
            grace = {"exited": 0.0, "interrupted": _NOTICE_SECONDS}.get(cause, _GRACE_SECONDS)
            self._processes.end(child, grace_seconds=grace)
            reader.join(_REST_OF_OUTPUT_SECONDS)
        if self._checkpoints and self._checkpoints.error:
            error = self._checkpoints.error
            raise JobError(transfer_error("Upload of the checkpoints failed", error)) from error
        if cause == "exited" and child.returncode:
            failure = self._place.folder.path("/opt/ml/output/failure")
            raise JobError(algorithm_error(child.returncode, failure, log.tail()))
        return cause

    def _start(self) -> subprocess.Popen[str]:
        try:
            command = self._kind.command(self.request, self._place)
            return self._processes.start(command.argv, environment=command.environment, folder=command.folder)
        except JobError:
            raise
        except Exception as error:
            raise JobError(transfer_error("The job's program could not be started", error)) from error

    def _wait(self, child: subprocess.Popen[str], limit_seconds: float) -> Cause:
        deadline = time.monotonic() + limit_seconds
        while not self._stop.is_set():
            if self._interrupted.is_set():
                return "interrupted"
            try:
                child.wait(min(_LOOK_EVERY_SECONDS, max(0.0, deadline - time.monotonic())))
                return "exited"
            except subprocess.TimeoutExpired:
                if time.monotonic() >= deadline:
                    return "timed out"
        return "stopped"
