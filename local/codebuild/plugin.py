"""Everything of CodeBuild that one local cloud serves, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.cloud.plugin import Plugin
from local.codebuild.builds import Builds

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud


@dataclass(frozen=True, kw_only=True)
class CodeBuildPlugin(Plugin):
    """What the local cloud serves, and the builds, which CodePipeline's double starts."""

    builds: Builds


def make_plugin(cloud: LocalCloud) -> CodeBuildPlugin:
    """Put the parts together for one cloud."""
    return CodeBuildPlugin(builds=Builds(cloud))
