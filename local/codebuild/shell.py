"""The one shell that a build's commands run in: variables and the folder stay from one to the next."""

from __future__ import annotations

import contextlib
import queue
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from local.cloud.processes import Processes

# Reads the paths of scripts and sources each; tells the end of each on the output, where it cannot overtake
# what the script printed. The scripts have none of the driver's own descriptors.
_DRIVER = """
exec 8<&0 9>&1 </dev/null
while IFS= read -r codebuild_script <&8; do
  . "$codebuild_script" 8<&- 9>&-
  codebuild_status=$?
  { /usr/bin/env -0 >"$0.environment" && pwd >"$0.folder"; } 2>/dev/null
  printf '\\036%s %s\\n' "$1" "$codebuild_status" >&9
done
"""
_END = "\036"
_OWN_NAMES = ("_", "SHLVL", "OLDPWD", "codebuild_script", "codebuild_status")
_DRAIN_SECONDS = 2.0


class Interrupted(Exception):  # noqa: N818 - neither is an error of the build's own
    """A command was ended from outside; `reason` is STOPPED or TIMED_OUT."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Shell:
    """A bash or sh. `say` gets each line that is printed; `deadline` is a time of time.monotonic().

    A command that ends the shell (`exit 1`) ends with the shell's status; the next one gets a new shell, with
    the exported variables and the folder that the last complete command left, as on CodeBuild.
    """

    def __init__(
        self,
        processes: Processes,
        program: str,
        *,
        environment: Mapping[str, str],
        folder: Path,
        scratch: Path,
        say: Callable[[str], None],
    ) -> None:
        self._processes, self._program, self._say = processes, program, say
        self._scratch = scratch
        self._environment, self._folder = dict(environment), folder
        self._child: subprocess.Popen[str] | None = None
        self._ends: queue.Queue[int | None] = queue.Queue()
        self._token = uuid.uuid4().hex
        self._commands = 0
        self._stopped = False
        self._lock = threading.Lock()

    @property
    def environment(self) -> Mapping[str, str]:
        """The exported variables, as the last complete command left them."""
        return dict(self._environment)

    @property
    def folder(self) -> Path:
        """The working folder, as the last complete command left it."""
        return self._folder

    def run(self, command: str, *, deadline: float, variables: Mapping[str, str]) -> int:
        """Run one command, `variables` exported before, and give its exit status; raises Interrupted."""
        self.check(deadline)
        if self._child is None:
            self._start()
        script = self._scratch / f"script-{self._commands}.sh"
        self._commands += 1
        exports = "".join(f"export {name}={value}\n" for name, value in variables.items())
        script.write_text(f"{exports}{command}\n", encoding="utf-8")
        status = self._perform(script, deadline)
        self._keep_state()
        return status

    def check(self, deadline: float) -> None:
        """Raise Interrupted if no command would be run any more."""
        with self._lock:
            if self._stopped:
                raise Interrupted("STOPPED")
        if time.monotonic() >= deadline:
            raise Interrupted("TIMED_OUT")

    def stop(self) -> None:
        """End the command that runs, from another thread; every later one is refused."""
        with self._lock:
            self._stopped = True
            self._ends.put(None)

    def close(self) -> None:
        """End the shell and all that it started."""
        if self._child is not None:
            self._processes.end(self._child)
            self._reader.join(_DRAIN_SECONDS)
            self._child = None

    def _start(self) -> None:
        with self._lock:
            if self._stopped:
                raise Interrupted("STOPPED")
            self._ends = queue.Queue()
        child = self._processes.start(
            [self._program, "-c", _DRIVER, str(self._scratch / "state"), self._token],
            environment=self._environment,
            folder=self._folder,
            listening=True,
        )
        self._child = child
        self._reader = threading.Thread(target=self._read, args=(child, self._ends), daemon=True)
        self._reader.start()
        threading.Thread(target=self._await_death, args=(child, self._ends), daemon=True).start()

    def _perform(self, script: Path, deadline: float) -> int:
        child = self._child
        assert child is not None  # noqa: S101 - `run` started it
        _tell(child, f"{script}\n")
        try:
            status = self._ends.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            self.close()
            raise Interrupted("TIMED_OUT") from None
        with self._lock:
            stopped = self._stopped
        if stopped:
            self.close()
            raise Interrupted("STOPPED")
        if status is None:
            code = child.wait()
            self.close()
            return code if code >= 0 else 128 - code
        return status

    def _read(self, child: subprocess.Popen[str], ends: queue.Queue[int | None]) -> None:
        assert child.stdout is not None  # noqa: S101 - started with a pipe
        for line in child.stdout:
            text, marker, rest = line.partition(f"{_END}{self._token} ")
            if text.rstrip("\r\n") or not marker:
                self._say(text.rstrip("\r\n"))
            if marker:
                ends.put(int(rest))

    def _await_death(self, child: subprocess.Popen[str], ends: queue.Queue[int | None]) -> None:
        child.wait()
        # What it printed last is heard before its end is: unless a child of its holds the pipe open.
        self._reader.join(_DRAIN_SECONDS)
        ends.put(None)

    def _keep_state(self) -> None:
        kept = self._scratch / "state.environment"
        if not kept.exists():
            return
        pairs = (item.partition("=") for item in kept.read_text("utf-8", "surrogateescape").split("\0"))
        self._environment = {
            name: value
            for name, equals, value in pairs
            if equals and name not in _OWN_NAMES and not name.startswith("BASH_FUNC_")
        }
        folder = Path((self._scratch / "state.folder").read_text("utf-8").removesuffix("\n"))
        self._folder = folder if folder.is_dir() else self._folder


def _tell(child: subprocess.Popen[str], line: str) -> None:
    # One that has ended meanwhile reads nothing: whoever waits for it sees that.
    with contextlib.suppress(OSError):
        assert child.stdin is not None  # noqa: S101 - started with a pipe
        child.stdin.write(line)
        child.stdin.flush()
