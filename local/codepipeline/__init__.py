"""AWS CodePipeline on this machine, served beside the local cloud's other services.

codepipeline.triggers.pushed(kind="connection", repository="owner/name", branch="main",
    changed_paths=[...], commit="...") -> the ids of the executions that the push started
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud
    from local.codepipeline.plugin import CodePipelinePlugin


def plug(cloud: LocalCloud) -> CodePipelinePlugin:
    """Give what the local cloud serves for CodePipeline: its API and its resource types."""
    from local.codepipeline.plugin import make_plugin

    return make_plugin(cloud)
