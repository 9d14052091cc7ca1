"""Child processes that never outlive this one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

# Runs beside us in a session of its own: when our end of the pipe closes, however we ended, it kills what is
# left.
_WATCHDOG = """
import os, signal, sys
groups = set()
for line in sys.stdin:
    (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""


class Stopping(RuntimeError):  # noqa: N818 - it is no error that a cloud is stopped
    """The local cloud is stopping: nothing is started any more."""


class Processes:
    """Starts children, each the leader of a process group of its own, and ends whole groups."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[int, subprocess.Popen[str]] = {}
        self._watchdog: subprocess.Popen[str] | None = None
        self._closed = False

    def start(
        self, argv: Sequence[str], *, environment: Mapping[str, str], folder: Path, listening: bool = False
    ) -> subprocess.Popen[str]:
        """Start a child; its standard output and error come on one pipe. It reads from us if `listening`.

        Raises OSError where the program cannot be started, and Stopping once closed.
        """
        with self._lock:
            if self._closed:
                raise Stopping("the local cloud is stopping: no process is started any more")
            child = subprocess.Popen(
                list(argv),
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.PIPE if listening else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._running[child.pid] = child
            self._tell(f"+{child.pid}")
        return child

    def end(self, child: subprocess.Popen[str], *, grace_seconds: float = 0.0) -> None:
        """End a child and what it started: asked first if there is a grace, then killed."""
        if grace_seconds and child.poll() is None:
            _signal(child, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(grace_seconds)
        # Also after the leader's own end: what it left behind in its group goes with it.
        _signal(child, signal.SIGKILL)
        child.wait()
        with self._lock:
            if self._running.pop(child.pid, None):
                self._tell(f"-{child.pid}")

    def close(self) -> None:
        """End every child and start none any more."""
        with self._lock:
            self._closed = True
            children = list(self._running.values())
        for child in children:
            self.end(child)
        with self._lock:
            if self._watchdog and self._watchdog.stdin:
                self._watchdog.stdin.close()
                self._watchdog.wait(10)
                self._watchdog = None

    def _tell(self, line: str) -> None:
        if self._watchdog is None:
            self._watchdog = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _WATCHDOG],
                stdin=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        pipe = self._watchdog.stdin
        if pipe is None:
            raise RuntimeError("the watchdog of the child processes has no pipe")
        pipe.write(line + "\n")
        pipe.flush()


def _signal(child: subprocess.Popen[str], number: signal.Signals) -> None:
    # The whole group may be gone already.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def clean_environment(base: Mapping[str, str]) -> dict[str, str]:
    """Give our environment without what a container would not have of it: AWS_*, SM_* and Python settings.

    PATH begins with the folder of this interpreter, so that `python3` is the environment that we run in.
    """
    kept = {k: v for k, v in base.items() if not k.startswith(("AWS_", "SM_", "SAGEMAKER_", "PYTHON"))}
    kept["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), base.get("PATH", os.defpath)])
    kept["PYTHONUNBUFFERED"] = "1"
    return kept
