"""The commands of the phases, one after the other in the build's shell."""

from __future__ import annotations

from pathlib import Path

from local.codebuild import install_commands
from local.codebuild.build_environment import BuildEnvironment
from local.codebuild.build_log import BuildLog
from local.codebuild.buildspec import PHASES, Buildspec, Phase
from local.codebuild.phase_error import PhaseError
from local.codebuild.record import BuildRecord
from local.codebuild.shell import Shell


class Commands:
    """Runs the phases of a buildspec; `deadline` is a time of time.monotonic()."""

    def __init__(
        self,
        shell: Shell,
        log: BuildLog,
        record: BuildRecord,
        environment: BuildEnvironment,
        *,
        source: Path,
        deadline: float,
    ) -> None:
        self._shell, self._log, self._record = shell, log, record
        self._environment, self._source, self._deadline = environment, source, deadline
        self._succeeding = True

    def run(self, buildspec: Buildspec) -> tuple[bool, bool]:
        """Run all phases; tell whether each succeeded, and whether artifacts are to be uploaded.

        A failure of install or pre_build ends the build; after one of build comes post_build, and after that
        the artifacts. `on-failure` changes both: ABORT ends the build, CONTINUE goes on to the next phase.
        """
        for name in PHASES:
            phase = buildspec.phases.get(name, Phase())
            failed = not self._run_phase(name, phase)
            ends = name in ("install", "pre_build") and phase.on_failure != "CONTINUE"
            if failed and (ends or phase.on_failure == "ABORT"):
                return False, False
        return self._succeeding, True

    def expanded(self, text: str) -> str:
        """Return what the shell makes of a name: `build-$(date +%Y)`; raises PhaseError."""
        result = self._source.parent / "expanded"
        status = self._execute(f"printf '%s' \"{text}\" >'{result}'")
        if status:
            raise PhaseError("CLIENT_ERROR", f"artifacts.name: the shell cannot expand {text!r}")
        return result.read_text("utf-8")

    def _run_phase(self, name: str, phase: Phase) -> bool:
        title = name.upper()
        self._record.begin(title)
        self._log.say(f"Entering phase {title}")
        first = self._run_commands(phase.commands, cached=name == "install")
        self._succeeding = self._succeeding and first is None
        second = self._run_commands(phase.always, cached=False)
        self._succeeding = self._succeeding and second is None
        error = first or second  # the first failure is the one that is told
        status, code, message = ("FAILED", error.code, error.message) if error else ("SUCCEEDED", "", "")
        self._record.end(status, code, message)
        self._log.say(f"Phase complete: {title} State: {status}")
        self._log.say(f"Phase context status code: {code} Message: {message}")
        return error is None

    def _run_commands(self, commands: tuple[str, ...], *, cached: bool) -> PhaseError | None:
        for command in commands:
            self._log.say(f"Running command {command}")
            installing = cached and install_commands.is_install(command)
            status = self._install(command) if installing else self._execute(command)
            if status:
                self._log.say(f"Command did not exit successfully {command} exit status {status}")
                message = f"Error while executing command: {command}. Reason: exit status {status}"
                return PhaseError("COMMAND_EXECUTION_ERROR", self._log.masked(message))
        return None

    def _install(self, command: str) -> int:
        folder = self._shell.folder
        with self._environment.lock(self._go_on):
            if self._environment.restore(command, folder, self._source):
                self._log.say("Cached: this build environment has it since an earlier build")
                return 0
            status = self._execute(command)
            if status == 0:
                self._environment.keep(command, folder, self._source)
            return status

    def _execute(self, command: str) -> int:
        succeeding = {"CODEBUILD_BUILD_SUCCEEDING": str(int(self._succeeding))}
        return self._shell.run(command, deadline=self._deadline, variables=succeeding)

    def _go_on(self) -> None:
        self._shell.check(self._deadline)
