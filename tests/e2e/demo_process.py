"""A demo as a process of its own, and what of it is still there when it has ended."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

ROOT = Path(__file__).parents[2]
_MARK = "EDGELINE_TEST_RUN"
_LOOK_EVERY_SECONDS = 0.05
_ENDING_SECONDS = 15.0  # what is being killed is still listed for a moment


class DemoProcess:
    """A demo that runs beside the test; whatever it leaves is killed when the block ends."""

    def __init__(self, folder: Path, *arguments: str, command: str = "demo") -> None:
        self.folder = folder
        self._log = folder.with_name(f"{folder.name}.log")
        self._mark = uuid.uuid4().hex
        self._command = [sys.executable, "-m", "local", command, "--folder", str(folder), *arguments]

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env={**os.environ, _MARK: self._mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in [self._process, *self._related()]:
            try:
                process.kill()
            except (psutil.NoSuchProcess, ProcessLookupError):
                continue
        self._process.wait()

    def end(self, seconds: float) -> int:
        """Wait for the exit status; the output is in the failure where none comes in time."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"no end within {seconds:.0f} s:\n{self.output}") from None

    def await_line(self, text: str, seconds: float) -> None:
        """Wait until the demo has printed `text`."""
        deadline = time.monotonic() + seconds
        while text not in self.output:
            assert self._process.poll() is None, f"ended before {text!r}:\n{self.output}"
            assert time.monotonic() < deadline, f"no {text!r} within {seconds:.0f} s:\n{self.output}"
            time.sleep(_LOOK_EVERY_SECONDS)

    def interrupt(self) -> None:
        """Do what Ctrl-C in a terminal does: SIGINT to the whole foreground group."""
        os.killpg(self._process.pid, signal.SIGINT)

    @property
    def output(self) -> str:
        """Everything that it has printed so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def left_behind(self) -> list[str]:
        """Return the command lines of what is still there, after a moment in which it may end."""
        deadline = time.monotonic() + _ENDING_SECONDS
        while (related := self._related()) and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_SECONDS)
        return [_command_line(process) for process in related]

    def _related(self) -> list[psutil.Process]:
        """Find this run's processes, whoever their parent is by now: by the mark, or by the run's folder."""
        others = (process for process in psutil.process_iter() if process.pid != self._process.pid)
        return [process for process in others if self._belongs(process)]

    def _belongs(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            if process.environ().get(_MARK) == self._mark:
                return True
            return any(f"{self.folder}/" in f"{argument}/" for argument in process.cmdline())
        except psutil.Error:
            return False


def run_demo(folder: Path, *arguments: str, seconds: float) -> tuple[int, str, list[str]]:
    """Run a demo to its end; return its exit status, its output, and what it left running."""
    with DemoProcess(folder, *arguments) as demo:
        status = demo.end(seconds)
        return status, demo.output, demo.left_behind()


def write_configuration(path: Path, **values: float) -> Path:
    """Write edgeline.toml with other values for some of its settings, each of which it must have once."""
    text = (ROOT / "edgeline.toml").read_text(encoding="utf-8")
    for name, value in values.items():
        text, replaced = re.subn(rf"^{name} = [\d.]+", f"{name} = {value}", text, flags=re.MULTILINE)
        assert replaced == 1, f"{replaced} settings named {name}"
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, name: str) -> Any:
    """Read a JSON file that a run has left."""
    return json.loads((folder / name).read_text(encoding="utf-8"))


def stage_names(summary: dict[str, Any]) -> Sequence[str]:
    """Return the names of the parts that a run went through, in order."""
    return [stage["name"] for stage in summary["stages"]]


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return str(process.pid)
