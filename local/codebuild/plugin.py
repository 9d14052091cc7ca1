"""Everything of CodeBuild that one local cloud serves, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.cloud.plugin import Plugin
from local.cloud.service import LocalService
from local.codebuild.api import CodeBuildApi
from local.codebuild.builds import Builds
from local.codebuild.phase_error import PhaseError
from local.codebuild.projects import Projects, ProjectType
from local.codebuild.reports import ReportGroupType, Reports
from local.codebuild.role_access import GitArchive

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud


@dataclass(frozen=True, kw_only=True)
class CodeBuildPlugin(Plugin):
    """What the local cloud serves, and the builds, which CodePipeline's double starts."""

    builds: Builds
    projects: Projects
    reports: Reports


def make_plugin(cloud: LocalCloud) -> CodeBuildPlugin:
    """Put the parts together for one cloud."""
    projects, reports = Projects(), Reports()
    builds = Builds(cloud, projects, reports, _git(cloud))
    return CodeBuildPlugin(
        services={"codebuild": [LocalService("codebuild", CodeBuildApi(builds, projects, reports))]},
        resource_types={
            "AWS::CodeBuild::Project": ProjectType(projects),
            "AWS::CodeBuild::ReportGroup": ReportGroupType(reports),
        },
        close=builds.close,
        builds=builds,
        projects=projects,
        reports=reports,
    )


def _git(cloud: LocalCloud) -> GitArchive:
    """Read repositories from whichever plugin of the cloud keeps them."""

    def archive(repository: str, version: str) -> tuple[bytes, str]:
        kept: list[Any] = [p.repositories for p in cloud.plugins if hasattr(p, "repositories")]
        if not kept or not kept[0].exists("codecommit", repository):
            raise PhaseError("CLIENT_ERROR", f"repository does not exist: {repository}")
        head = kept[0].head("codecommit", repository, version or "main")
        found = head or kept[0].commit("codecommit", repository, version)
        if found is None:
            raise PhaseError("CLIENT_ERROR", f"{repository} has no branch or commit {version or 'main'}")
        return kept[0].archive("codecommit", repository, found.id), found.id

    return archive
