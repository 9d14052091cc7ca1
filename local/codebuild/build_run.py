"""One build, from the queue to the end, on a thread of its own."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local.cloud.processes import Processes, Stopping
from local.codebuild import runtimes, variables
from local.codebuild.build_environment import BuildEnvironment
from local.codebuild.build_log import BuildLog
from local.codebuild.buildspec import Buildspec, BuildspecError
from local.codebuild.checkout import Checkout, check_out
from local.codebuild.commands import Commands
from local.codebuild.machine import commands_environment
from local.codebuild.outputs import pipeline_targets, project_targets, upload
from local.codebuild.phase_error import PhaseError, refusal
from local.codebuild.pipeline_run import PipelineRun
from local.codebuild.record import BuildRecord
from local.codebuild.report_upload import send_reports
from local.codebuild.reports import Reports
from local.codebuild.role_access import GitArchive, RoleAccess
from local.codebuild.shell import Interrupted, Shell
from local.codebuild.sources import Sources

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

_LOOK_EVERY_SECONDS = 0.2
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What all builds share."""

    cloud: LocalCloud
    processes: Processes
    reports: Reports
    slots: threading.Semaphore
    git: GitArchive
    minute: float  # in seconds


@dataclass(kw_only=True)
class BuildRun:
    """A build that `execute` runs; `stop` ends it from another thread."""

    record: BuildRecord
    build: Mapping[str, Any]  # as it was started
    project: Mapping[str, Any]  # as this build has it
    around: Surroundings
    folder: Path
    log: BuildLog
    started_with: list[dict[str, str]]
    pipeline: PipelineRun | None
    on_end: Callable[[], None]
    _stopping: threading.Event = field(default_factory=threading.Event)
    _shell: Shell | None = None
    _deadline: float = float("inf")

    def execute(self) -> None:
        """Run the build to its end, whatever that is."""
        try:
            status = self._through_the_queue()
        except Interrupted as end:
            status = end.reason
            code = "BUILD_TIMED_OUT" if status == "TIMED_OUT" else ""
            self.record.end(status, code, "Build has timed out. " if code else "")
        except PhaseError as error:
            status = "FAILED"
            self._fail(error)
        except Stopping:
            status = "STOPPED"
            self.record.end(status)
        except Exception as error:  # a defect of the double, or of this machine: CodeBuild's FAULT
            _log.exception("%s", self.build["id"])
            status = "FAULT"
            self.record.end(status, "INTERNAL_ERROR", f"{type(error).__name__}: {error}")
        try:
            self.log.say(f"Build {status}")
            self.log.close()
            shutil.rmtree(self.folder / "work", ignore_errors=True)
        finally:  # somebody waits for it
            self.record.finish(status)
        self.on_end()

    def stop(self) -> None:
        """End the build with what it has started."""
        self._stopping.set()
        if self._shell:
            self._shell.stop()

    def _through_the_queue(self) -> str:
        self.record.begin("SUBMITTED")
        self.record.end("SUCCEEDED")
        self.record.begin("QUEUED")
        patience = time.monotonic() + self.build["queuedTimeoutInMinutes"] * self.around.minute
        while not self.around.slots.acquire(timeout=_LOOK_EVERY_SECONDS):
            self._go_on(patience)
        try:
            self._go_on(patience)
            self.record.end("SUCCEEDED")
            self._deadline = time.monotonic() + self.build["timeoutInMinutes"] * self.around.minute
            return self._run()
        finally:
            if self._shell:
                self._shell.close()
            self.around.slots.release()

    def _run(self) -> str:
        self.record.begin("PROVISIONING")
        access = self._provision()
        self.record.end("SUCCEEDED")
        self._go_on(self._deadline)
        self.record.begin("DOWNLOAD_SOURCE")
        checkout, resolved = self._download(access)
        commands = self._prepare(checkout, resolved, access)
        self.record.end("SUCCEEDED")
        succeeded, uploads = commands.run(checkout.buildspec)
        self.record.update(exportedEnvironmentVariables=self._exported(checkout.buildspec))
        if uploads:
            succeeded = self._upload(checkout, commands, access) and succeeded
        self.record.begin("FINALIZING")
        self.record.end("SUCCEEDED")
        return "SUCCEEDED" if succeeded else "FAILED"

    def _provision(self) -> RoleAccess:
        access = RoleAccess(self.around.cloud, self.build)
        self.log.hide(access.secrets)
        logs = self.build["logs"]
        if "groupName" in logs:
            try:
                self.log.send_to(access.client("logs"), logs["groupName"], logs["streamName"])
            except ClientError as error:
                role = self.build["serviceRole"]
                message = f"the role {role} does not let CodeBuild write its log: {refusal(error)}"
                raise PhaseError("ACCESS_DENIED", message) from error
        self.log.say(f"Running on this machine in place of the image {self.build['environment']['image']}")
        return access

    def _download(self, access: RoleAccess) -> tuple[Checkout, variables.Resolved]:
        work = self.folder / "work"
        (work / "tmp").mkdir(parents=True)
        sources = Sources(access.client("s3"), access.git(self.around.git), work)
        try:
            checkout = check_out(self.build, self.pipeline, sources, work)
        except BuildspecError as error:
            raise PhaseError("YAML_FILE_ERROR", str(error)) from error
        if checkout.resolved:
            self.record.update(resolvedSourceVersion=checkout.resolved)
        own = self.project["environment"].get("environmentVariables", [])
        wanted = variables.chosen(self.started_with, own, checkout.buildspec)
        variables.check_exports(wanted, checkout.buildspec)
        resolved = variables.resolve(
            wanted, ssm=access.client("ssm"), secrets=access.client("secretsmanager")
        )
        self.log.hide(resolved.values[name] for name in resolved.secret)
        return checkout, resolved

    def _prepare(self, checkout: Checkout, resolved: variables.Resolved, access: RoleAccess) -> Commands:
        work = self.folder / "work"
        place = BuildEnvironment.of(checkout.folder, otherwise=self.folder.parent)
        environment = {
            **commands_environment(work / "tmp"),
            **place.variables,
            **access.environment,
            **resolved.values,
            **checkout.variables(self.build),
        }
        phase = checkout.buildspec.phases.get("install")
        for line in runtimes.check(phase.runtimes if phase else {}, environment, environment["PATH"]):
            self.log.say(line)
        self.log.say(f"CODEBUILD_SRC_DIR={checkout.folder}")
        self._shell = Shell(
            self.around.processes, checkout.buildspec.shell, environment=environment,
            folder=checkout.folder, scratch=work, say=self.log.write,
        )  # fmt: skip
        if self._stopping.is_set():
            self._shell.stop()
        return Commands(
            self._shell, self.log, self.record, place, source=checkout.folder, deadline=self._deadline
        )

    def _upload(self, checkout: Checkout, commands: Commands, access: RoleAccess) -> bool:
        self.record.begin("UPLOAD_ARTIFACTS")
        buildspec, build = checkout.buildspec, self.build
        try:
            arns = send_reports(
                buildspec.reports, checkout.folder, reports=self.around.reports, access=access, build=build
            )
            self.record.update(reportArns=arns)
            if self.pipeline:
                targets = pipeline_targets(self.pipeline, buildspec, build["encryptionKey"])
            else:
                targets = project_targets(self.project, build["id"], buildspec, commands.expanded)
            for target in targets:
                upload(target, checkout.folder, self.folder / "work", access.client("s3"))
                self.log.say(f"Uploaded to {target.place.arn}")
        except PhaseError as error:
            self._fail(error)
            return False
        self.record.end("SUCCEEDED")
        return True

    def _exported(self, buildspec: Buildspec) -> list[dict[str, str]]:
        assert self._shell is not None  # noqa: S101 - the commands ran in it
        return variables.exported(buildspec.exported, self._shell.environment)

    def _fail(self, error: PhaseError) -> None:
        message = self.log.masked(error.message)
        self.record.end("FAILED", error.code, message)
        self.log.say(f"Phase context status code: {error.code} Message: {message}")

    def _go_on(self, deadline: float) -> None:
        if self._stopping.is_set():
            raise Interrupted("STOPPED")
        if time.monotonic() >= deadline:
            raise Interrupted("TIMED_OUT")
