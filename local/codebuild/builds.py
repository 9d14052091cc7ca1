"""The builds: started, looked at, waited for, stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from local.cloud.call import Call
from local.codebuild.pipeline_run import PipelineRun

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

Build = dict[str, Any]
OnLogLine = Callable[[str, str], None]


class Builds:
    """The builds of all projects. `on_log_line(build id, line)`, where set, hears every line of every build."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.on_log_line: OnLogLine | None = None
        self._cloud = cloud

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
        raise NotImplementedError

    def wait(self, build_id: str, seconds: float | None = None) -> Build:
        """Wait until the build has ended, or so many seconds, and return it as BatchGetBuilds does."""
        raise NotImplementedError

    def stop(self, call: Call, build_id: str) -> Build:
        """Stop a build and return it; a build that has ended is left as it is."""
        raise NotImplementedError
