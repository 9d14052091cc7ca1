"""One instance behind an endpoint: a serving process and the way to it."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.cloud.processes import Processes, clean_environment
from local.sagemaker.log_stream import LogStream

_SERVING = Path(__file__).with_name("serving.py")
_CONTAINER_PACKAGES = Path(__file__).with_name("container_packages")
_LOOK_EVERY_SECONDS = 0.05
_PING_SECONDS = 2.0


class UnhealthyError(Exception):
    """The instance did not come up; the message says why."""


@dataclass(frozen=True)
class Reply:
    """What the model's container answered."""

    status: int
    content_type: str
    custom_attributes: str | None
    body: bytes


class Instance:
    """A serving process over an unpacked model. It can be started again after its process has died."""

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
        self._port = 0
        self._healthy = False
        self._busy = 0
        self._answered = threading.Condition()

    @property
    def alive(self) -> bool:
        """Whether the process runs and has answered /ping."""
        return self._healthy and self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int | None:
        """The process's id, None where none was started."""
        return self._child.pid if self._child else None

    def start(self, timeout_seconds: float, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Start the process and wait until /ping answers; UnhealthyError tells the process's last lines."""
        self.stop()
        self._folder.mkdir(parents=True, exist_ok=True)
        port_file = self._folder / "port"
        port_file.unlink(missing_ok=True)
        argv = [sys.executable, "-P", str(_SERVING), "--model-dir", str(self._model_dir)]
        argv += ["--container-packages", str(_CONTAINER_PACKAGES), "--port-file", str(port_file)]
        log = self._log = self._open_log()
        child = self._processes.start(argv, environment=self._environment, folder=self._folder)
        self._child = child
        threading.Thread(target=log.follow, args=(child.stdout,), name="serving log", daemon=True).start()
        deadline = time.monotonic() + timeout_seconds
        while not self._pings(port_file):
            if child.poll() is not None:
                time.sleep(_LOOK_EVERY_SECONDS)  # its last lines are on their way through the pipe
                raise self._not_healthy(f"its process ended with code {child.returncode}")
            if time.monotonic() > deadline:
                raise self._not_healthy(f"/ping did not answer within {timeout_seconds:.0f} s")
            if cancelled():
                raise self._not_healthy("the endpoint was deleted")
            time.sleep(_LOOK_EVERY_SECONDS)
        self._healthy = True

    def _not_healthy(self, why: str) -> UnhealthyError:
        tail = self._log.tail() if self._log else ""
        self.stop()
        return UnhealthyError(f"{why}: {tail}" if tail else why)

    def _pings(self, port_file: Path) -> bool:
        if not port_file.exists():
            return False
        self._port = int(port_file.read_text())
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PING_SECONDS)
            connection.request("GET", "/ping")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False

    def invoke(self, body: bytes, headers: Mapping[str, str], timeout_seconds: float) -> Reply:
        """Forward a request; TimeoutError if the process is slow, OSError or HTTPException if it is gone."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout_seconds)
        with self._answered:
            self._busy += 1
        try:
            connection.request("POST", "/invocations", body=body, headers=dict(headers))
            response = connection.getresponse()
            return Reply(
                status=response.status,
                content_type=response.getheader("Content-Type") or "application/json",
                custom_attributes=response.getheader("X-Amzn-SageMaker-Custom-Attributes"),
                body=response.read(),
            )
        finally:
            connection.close()
            with self._answered:
                self._busy -= 1
                self._answered.notify_all()

    def drain(self, timeout_seconds: float) -> None:
        """Wait until the requests under way are answered."""
        with self._answered:
            self._answered.wait_for(lambda: not self._busy, timeout_seconds)

    def stop(self) -> None:
        """End the process."""
        self._healthy = False
        if self._child:
            self._processes.end(self._child)
            self._child = None
        if self._log:
            self._log.close()
            self._log = None
