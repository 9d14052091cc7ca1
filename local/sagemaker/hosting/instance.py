"""One instance behind an endpoint: a serving process and the way to it."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from local.cloud.processes import Processes, clean_environment
from local.sagemaker.log_stream import LogStream

_SERVING = Path(__file__).with_name("serving.py")
_CONTAINER_PACKAGES = Path(__file__).with_name("container_packages")
_LOOK_EVERY_SECONDS = 0.05
_PING_SECONDS = 2.0
_LAST_LINES_SECONDS = 5.0


class UnhealthyError(Exception):
    """The instance did not come up; the message says why."""


@dataclass(frozen=True)
class Reply:
    """What the model's container answered."""

    status: int
    content_type: str
    custom_attributes: str | None
    body: bytes


def _never() -> bool:
    return False


class Instance:
    """A serving process over an unpacked model. It can be started again after its process has died.

    A request holds the instance from `take` to `release`; `retire` lets those finish and takes no more.
    """

    def __init__(
        self,
        processes: Processes,
        model_dir: Path,
        environment: Mapping[str, str],
        folder: Path,
        open_log: Callable[[], LogStream],
    ) -> None:
        self._processes, self._model_dir, self._folder = processes, model_dir, folder
        self._environment = {**clean_environment(os.environ), **environment}
        self._open_log = open_log
        self._child: subprocess.Popen[str] | None = None
        self._log: LogStream | None = None
        self._reader: threading.Thread | None = None
        self._port = 0
        self._healthy = False
        self._retiring = self._ended = False
        self.busy = 0
        self._change = threading.Condition()
        self._life = threading.Lock()

    @property
    def alive(self) -> bool:
        """Whether the process runs and has answered /ping."""
        child = self._child
        return self._healthy and child is not None and child.poll() is None

    @property
    def pid(self) -> int | None:
        """The process's id, None where none was started."""
        return self._child.pid if self._child else None

    def start(self, timeout_seconds: float, cancelled: Callable[[], bool] = _never) -> None:
        """Start the process and wait until it is healthy; raises as `wait_until_healthy` does."""
        self.launch()
        self.wait_until_healthy(timeout_seconds, cancelled)

    def launch(self) -> None:
        """Start the process, in place of one that has died; UnhealthyError where it was ended for good."""
        with self._life:
            self._stop()
            if self._ended:
                raise UnhealthyError("the instance was ended")
            self._folder.mkdir(parents=True, exist_ok=True)
            self._port_file.unlink(missing_ok=True)
            argv = [sys.executable, "-P", str(_SERVING), "--model-dir", str(self._model_dir)]
            argv += ["--container-packages", str(_CONTAINER_PACKAGES), "--port-file", str(self._port_file)]
            log = self._log = self._open_log()
            child = self._processes.start(argv, environment=self._environment, folder=self._folder)
            self._child = child
            self._reader = threading.Thread(
                target=log.follow, args=(child.stdout,), name="serving log", daemon=True
            )
            self._reader.start()

    def wait_until_healthy(self, timeout_seconds: float, cancelled: Callable[[], bool] = _never) -> None:
        """Wait until /ping answers; UnhealthyError tells the last lines. `cancelled` may raise too."""
        child, deadline = self._child, time.monotonic() + timeout_seconds
        try:
            while not self._pings():
                if cancelled() or child is None or self._ended:
                    raise self._not_healthy("the endpoint was deleted")
                if child.poll() is not None:
                    self._read_last_lines()
                    raise self._not_healthy(f"its process ended with code {child.returncode}")
                if time.monotonic() > deadline:
                    raise self._not_healthy(f"/ping did not answer within {timeout_seconds:.0f} s")
                time.sleep(_LOOK_EVERY_SECONDS)
        except BaseException:
            self.stop()
            raise
        self._healthy = True

    @property
    def _port_file(self) -> Path:
        return self._folder / "port"

    def _not_healthy(self, why: str) -> UnhealthyError:
        tail = self._log.tail() if self._log else ""
        return UnhealthyError(f"{why}: {tail}" if tail else why)

    def _pings(self) -> bool:
        if not self._port_file.exists():
            return False
        self._port = int(self._port_file.read_text())
        try:
            with closing(self._connection(_PING_SECONDS)) as connection:
                connection.request("GET", "/ping")
                return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False

    def _connection(self, timeout_seconds: float) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout_seconds)

    def take(self) -> bool:
        """Hold the instance for a request, until `release`; False where it retires."""
        with self._change:
            if self._retiring:
                return False
            self.busy += 1
            return True

    def release(self) -> None:
        """Let the instance go after a request."""
        with self._change:
            self.busy -= 1
            self._change.notify_all()

    def invoke(self, body: bytes, headers: Mapping[str, str], timeout_seconds: float) -> Reply:
        """Forward a request; TimeoutError if the process is slow, OSError or HTTPException if it is gone.

        ConnectionRefusedError says that nothing of the request has reached it.
        """
        with closing(self._connection(timeout_seconds)) as connection:
            connection.request("POST", "/invocations", body=body, headers=dict(headers))
            response = connection.getresponse()
            return Reply(
                status=response.status,
                content_type=response.getheader("Content-Type") or "application/json",
                custom_attributes=response.getheader("X-Amzn-SageMaker-Custom-Attributes"),
                body=response.read(),
            )

    def retire(self, timeout_seconds: float) -> None:
        """Take no more requests, wait until those under way are answered, and end for good."""
        with self._change:
            self._retiring = True
            self._change.wait_for(lambda: not self.busy, timeout_seconds)
        self.end()

    def end(self) -> None:
        """End the process for good."""
        self._ended = self._retiring = True
        self.stop()

    def stop(self) -> None:
        """End the process; `launch` may start another."""
        with self._life:
            self._stop()

    def _read_last_lines(self) -> None:
        """Wait for what an ended process printed last: it is on its way through the pipe."""
        if reader := self._reader:
            reader.join(_LAST_LINES_SECONDS)

    def _stop(self) -> None:
        self._healthy = False
        if self._child:
            self._processes.end(self._child)
            self._child = None
        self._read_last_lines()
        if self._log:
            self._log.close()
            self._log = None
