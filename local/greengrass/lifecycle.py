"""One component on a device: its processes and the states that they take it through."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from local.greengrass.recipe import BadRecipe, Recipe, Step, merge, render

Document = dict[str, Any]

RESTARTS = 3
_RESTART_PAUSE_SECONDS = 0.5
_STOP_PATIENCE_SECONDS = 15.0
_REPORT_PATIENCE_SECONDS = 20.0
_PR_SET_PDEATHSIG = 1


class Component:
    """Advances from NEW over INSTALLED and STARTING to RUNNING or FINISHED, or over ERRORED to BROKEN.

    `advance` never blocks; the nucleus calls it often, always from the same thread: on Linux the processes
    are tied to the life of that thread.
    """

    def __init__(
        self,
        recipe: Recipe,
        configuration: Document,
        *,
        is_root: bool,
        variables: Mapping[str, str],
        environment: Mapping[str, str],
        log_file: Path,
        settle_seconds: float,
    ) -> None:
        self.recipe = recipe
        self.name = recipe.name
        self.version = str(recipe.version)
        self.configuration = configuration
        self.is_root = is_root
        self.token = uuid.uuid4().hex
        self.state = "NEW"
        self.changed_at = time.time()
        self.problem = ""
        self._variables = variables
        self._environment = environment
        self._log_file = log_file
        self._settle_seconds = settle_seconds
        self._failures = 0
        self._step = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._resume_at = 0.0
        self._log: IO[bytes] | None = None

    @property
    def works(self) -> bool:
        """Whether it has arrived where a deployment wants it."""
        return self.state in ("RUNNING", "FINISHED")

    @property
    def pid(self) -> int | None:
        """The running process, if there is one."""
        return self._process.pid if self._process else None

    def advance(self) -> None:
        """Take the next step if there is one to take."""
        if self._process is not None:
            self._watch()
        elif self.state == "NEW":
            self._begin("install", or_else="INSTALLED")
        elif self.state in ("INSTALLED", "ERRORED") and time.monotonic() >= self._resume_at:
            self._begin("startup" if "startup" in self.recipe.steps else "run", or_else="FINISHED")

    def connected(self) -> None:
        """Give a component that uses IPC time to say by itself that it runs."""
        self._settle_seconds = max(self._settle_seconds, _REPORT_PATIENCE_SECONDS)

    def report_state(self, state: str) -> None:
        """Take note of what the component says of itself by IPC."""
        if state == "RUNNING" and self._process is not None and self._step != "install":
            self._become("RUNNING")
        elif state == "ERRORED":
            self.problem = self.problem or "it reported ERRORED"

    def update_configuration(self, pointer: list[str], value: Document) -> None:
        """Lay `value` over the configuration at `pointer`."""
        change: Document = value
        for key in reversed(pointer):
            change = {key: change}
        self.configuration = merge(self.configuration, change)

    def stop(self) -> None:
        """End it: `shutdown` if the recipe has it, then SIGTERM, and SIGKILL for what does not listen."""
        step = self.recipe.steps.get("shutdown")
        if step and self.state in ("RUNNING", "FINISHED"):
            script = self._spawn(step)
            _wait(script, min(step.timeout, _STOP_PATIENCE_SECONDS))
            _kill(script, signal.SIGKILL)
        if self._process is not None:
            _kill(self._process, signal.SIGTERM)
            if not _wait(self._process, _STOP_PATIENCE_SECONDS):
                self._note("did not end after SIGTERM: killed")
            _kill(self._process, signal.SIGKILL)
            self._process.wait()
            self._process = None
        self._become("STOPPED")
        if self._log:
            self._log.close()
            self._log = None

    def _watch(self) -> None:
        assert self._process is not None  # noqa: S101 - advance looked
        code = self._process.poll()
        ran = time.monotonic() - self._started_at
        if code is None:
            limit = self.recipe.steps[self._step].timeout
            if self._step != "run" and ran > limit:
                _kill(self._process, signal.SIGKILL)
                self._process.wait()
                self._failed(f"{self._step} took longer than {limit:g} s")
            elif self._step == "run" and self.state == "STARTING" and ran > self._settle_seconds:
                self._become("RUNNING")
            return
        _kill(self._process, signal.SIGKILL)  # what it left behind in its process group
        self._process = None
        if code != 0:
            self._failed(f"{self._step} ended with {_describe(code)}")
        elif self._step == "install":
            self._become("INSTALLED")
        elif self._step == "startup":
            self._become("RUNNING")
        else:
            self._become("FINISHED")

    def _failed(self, problem: str) -> None:
        self._process = None
        self._failures += 1
        self.problem = f"{self.name} {self.version}: {problem}"
        self._note(problem)
        if self._failures > RESTARTS:
            self._become("BROKEN")
            return
        self._become("NEW" if self._step == "install" else "ERRORED")
        self._resume_at = time.monotonic() + _RESTART_PAUSE_SECONDS * self._failures

    def _begin(self, name: str, *, or_else: str) -> None:
        if time.monotonic() < self._resume_at:
            return
        step = self.recipe.steps.get(name)
        if step is None:
            self._become(or_else)
            return
        self._step = name
        try:
            self._process = self._spawn(step)
        except (BadRecipe, OSError) as error:
            self._failed(str(error))
            return
        self._started_at = time.monotonic()
        if name != "install":
            self._become("STARTING")

    def _spawn(self, step: Step) -> "subprocess.Popen[bytes]":
        script = render(step.script, self._variables, self.configuration)
        own = {
            name: render(value, self._variables, self.configuration)
            for name, value in step.environment.items()
        }
        if self._log is None:
            self._log = self._log_file.open("ab", buffering=0)
        return subprocess.Popen(
            ["/bin/sh", "-c", script],
            cwd=self._variables["work:path"],
            env={**self._environment, **self._tokens(), **own},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            process_group=0,
            preexec_fn=_die_with_parent(),
        )

    def _tokens(self) -> dict[str, str]:
        """One token names the component to IPC and, where it has credentials, to the token exchange."""
        tokens = {"SVCUID": self.token}
        if "AWS_CONTAINER_CREDENTIALS_FULL_URI" in self._environment:
            tokens["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = self.token
        return tokens

    def _become(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self.changed_at = time.time()
            self._note(state)

    def _note(self, text: str) -> None:
        if self._log is None:
            self._log = self._log_file.open("ab", buffering=0)
        self._log.write(
            f"{time.strftime('%H:%M:%S')} [nucleus] {self.name} {self.version}: {text}\n".encode()
        )


def _die_with_parent() -> Callable[[], None] | None:
    """Return what a child does before it becomes its program: ask Linux to kill it when its parent dies."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _describe(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
