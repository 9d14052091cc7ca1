"""The other parts of the local cloud that actions need, as far as they need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from local.cloud.call import Call
from local.codepipeline.work import ActionError

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud
    from local.codebuild.pipeline_run import PipelineRun
    from local.source.connections import Connection
    from local.source.git import Commit
    from local.source.repositories import Kind, Repositories


class Builds(Protocol):
    """What starts builds, see local.codebuild."""

    def start(
        self,
        call: Call,
        project_name: str,
        *,
        pipeline: PipelineRun | None = None,
        environment: Sequence[Mapping[str, str]] = (),
    ) -> str:
        """Start a build and return its id."""

    def wait(self, build_id: str, seconds: float | None = None) -> dict[str, Any]:
        """Wait until the build has ended, or so many seconds, and return it."""

    def stop(self, call: Call, build_id: str) -> dict[str, Any]:
        """Stop a build."""


class Commits(Protocol):
    """What knows commits, see local.source.repositories."""

    def head(self, kind: Kind, name: str, branch: str) -> Commit | None:
        """Return the last commit of a branch."""

    def commit(self, kind: Kind, name: str, commit_id: str) -> Commit | None:
        """Return a commit."""

    def archive(self, kind: Kind, name: str, commit_id: str) -> bytes:
        """Return a commit's files as a zip."""


class Connected(Protocol):
    """What knows connections, see local.source.connections."""

    def find(self, arn: str) -> Connection:
        """Return a connection; AwsError when there is none."""


class Neighbours:
    """Finds the parts among the plugins of a cloud, when they are needed."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud

    @property
    def builds(self) -> Builds:
        """CodeBuild's builds."""
        return cast(Builds, self._find("builds", "CodeBuild"))

    @property
    def commits(self) -> Commits:
        """The repositories."""
        return cast(Commits, self._find("repositories", "CodeCommit and CodeConnections"))

    @property
    def connections(self) -> Connected:
        """The connections."""
        return cast(Connected, self._find("connections", "CodeConnections"))

    @property
    def listening(self) -> Repositories | None:
        """The repositories, to hear of pushes; None in a cloud without them."""
        return cast("Repositories | None", self._found("repositories"))

    def _find(self, name: str, service: str) -> object:
        found = self._found(name)
        if found is None:
            raise ActionError("ConfigurationError", f"this local cloud was started without {service}")
        return found

    def _found(self, name: str) -> object | None:
        return next((getattr(p, name) for p in self._cloud.plugins if hasattr(p, name)), None)
