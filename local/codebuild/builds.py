"""The builds: started, looked at, waited for, stopped."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.cloud.processes import Processes
from local.codebuild import events
from local.codebuild.build_log import BuildLog
from local.codebuild.build_run import BuildRun, Surroundings
from local.codebuild.pipeline_run import PipelineRun
from local.codebuild.projects import Projects
from local.codebuild.record import Build, BuildRecord
from local.codebuild.reports import Reports
from local.codebuild.role_access import GitArchive
from local.codebuild.start import described, effective

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

OnLogLine = Callable[[str, str], None]
_STOP_SECONDS = 10.0


class Builds:
    """The builds of all projects.

    `on_log_line(build id, line)`, where set, hears every line of every build. `minute` is how long a minute
    of a timeout lasts, in seconds; `at_once` is how many builds run while the others are queued.
    """

    def __init__(
        self,
        cloud: LocalCloud,
        projects: Projects,
        reports: Reports,
        git: GitArchive,
        *,
        minute: float = 60,
        at_once: int | None = None,
    ) -> None:
        self.on_log_line: OnLogLine | None = None
        self._cloud, self._projects = cloud, projects
        self._processes = Processes()
        slots = threading.Semaphore(at_once or max(2, os.cpu_count() or 1))
        self._around = Surroundings(
            cloud=cloud, processes=self._processes, reports=reports, slots=slots, git=git, minute=minute
        )
        self._runs: dict[str, BuildRun] = {}
        self._starts: dict[str, tuple[str, Mapping[str, Any], PipelineRun | None]] = {}
        self._threads: list[threading.Thread] = []
        self._numbers: dict[str, int] = {}
        self._lock = threading.Lock()

    def start(
        self,
        call: Call,
        project_name: str,
        *,
        pipeline: PipelineRun | None = None,
        environment: Sequence[Mapping[str, str]] = (),
        overrides: Mapping[str, Any] | None = None,
    ) -> str:
        """Start a build and return its id, `project:uuid`.

        `environment` has {"name", "value", "type"} of variables that go before the project's, `type` being
        PLAINTEXT (the default), PARAMETER_STORE or SECRETS_MANAGER. `overrides` are StartBuild's other
        parameters ("buildspecOverride"). Raises AwsError: AccessDeniedException, ResourceNotFoundException,
        InvalidInputException.
        """
        self._cloud.require(call, "codebuild:StartBuild", call.arn("codebuild", f"project/{project_name}"))
        asked = {**(overrides or {}), "environmentVariablesOverride": [dict(item) for item in environment]}
        return self.begin(call, project_name, asked, pipeline)

    def begin(
        self, call: Call, project_name: str, asked: Mapping[str, Any], pipeline: PipelineRun | None = None
    ) -> str:
        """Start a build for a caller who has been found to be allowed to; `asked` as StartBuild has it."""
        project = effective(self._projects.get(project_name), asked, pipeline)
        with self._lock:
            self._check_limit(project)
            self._numbers[project_name] = number = self._numbers.get(project_name, 0) + 1
            build = described(project, call, str(uuid.uuid4()), number, pipeline)
            run = self._run(build, project, asked, pipeline)
            self._runs[build["id"]] = run
            self._starts[build["id"]] = (project_name, asked, pipeline)
            thread = threading.Thread(target=run.execute, name=f"build {build['id']}", daemon=True)
            self._threads.append(thread)
        events.emit_state(self._cloud, run.record.snapshot())
        thread.start()
        return str(build["id"])

    def again(self, call: Call, build_id: str) -> str:
        """Start a build once more as it was started; AwsError for one that a pipeline started."""
        self._find(build_id)
        project, asked, pipeline = self._starts[build_id]
        if pipeline:
            raise AwsError(
                "InvalidInputException", f"{build_id} was started by CodePipeline: retry its stage"
            )
        return self.begin(call, project, asked)

    def get(self, build_id: str) -> Build:
        """Return a build as BatchGetBuilds does; AwsError ResourceNotFoundException where there is none."""
        return self._find(build_id).record.snapshot()

    def wait(self, build_id: str, seconds: float | None = None) -> Build:
        """Wait until the build has ended, or so many seconds, and return it as BatchGetBuilds does."""
        run = self._find(build_id)
        run.record.done.wait(seconds)
        return run.record.snapshot()

    def stop(self, call: Call, build_id: str) -> Build:
        """Stop a build and return it; a build that has ended is left as it is."""
        project = build_id.partition(":")[0]
        self._cloud.require(call, "codebuild:StopBuild", call.arn("codebuild", f"project/{project}"))
        return self.end(build_id)

    def end(self, build_id: str) -> Build:
        """Stop a build for a caller who has been found to be allowed to, and return it."""
        run = self._find(build_id)
        run.stop()
        run.record.done.wait(_STOP_SECONDS)
        return run.record.snapshot()

    def ids(self, project_name: str | None = None) -> list[str]:
        """Return the ids of all builds, or of a project's, the latest last."""
        with self._lock:
            return [i for i in self._runs if project_name in (None, i.partition(":")[0])]

    def log_path(self, build_id: str) -> Path:
        """Return the file with all that the build has printed."""
        return self._find(build_id).log.path

    def close(self) -> None:
        """Stop all builds, with what they started, and start none any more."""
        for run in list(self._runs.values()):
            run.stop()
        self._processes.close()
        for thread in self._threads:
            thread.join(_STOP_SECONDS)

    def _run(
        self,
        build: Build,
        project: Mapping[str, Any],
        asked: Mapping[str, Any],
        pipeline: PipelineRun | None,
    ) -> BuildRun:
        build_id, record = build["id"], BuildRecord(build)
        folder = Path(self._cloud.state_dir) / "codebuild" / build_id.replace(":", "-")
        return BuildRun(
            record=record,
            build=build,
            project=project,
            around=self._around,
            folder=folder,
            log=BuildLog(folder / "build.log", lambda line: self._heard(build_id, line)),
            started_with=list(asked.get("environmentVariablesOverride", [])),
            pipeline=pipeline,
            on_end=lambda: events.emit_state(self._cloud, record.snapshot()),
        )

    def _heard(self, build_id: str, line: str) -> None:
        if self.on_log_line:
            self.on_log_line(build_id, line)

    def _check_limit(self, project: Mapping[str, Any]) -> None:
        limit, name = project.get("concurrentBuildLimit"), project["name"]
        if limit is None:
            return
        active = [r for i, r in self._runs.items() if i.startswith(f"{name}:") and not r.record.done.is_set()]
        if len(active) >= limit:
            message = f"Cannot have more than {limit} builds in progress for the project {name}"
            raise AwsError("AccountLimitExceededException", message)

    def _find(self, build_id: str) -> BuildRun:
        with self._lock:
            run = self._runs.get(build_id.rpartition(":build/")[2] or build_id)
        if run is None:
            raise AwsError("ResourceNotFoundException", f"Build cannot be found: {build_id}")
        return run

    def __contains__(self, build_id: str) -> bool:
        return build_id in self._runs
