"""AWS CodeBuild on this machine, served beside the local cloud's other services.

Builds are started through the API (StartBuild), or by CodePipeline's double, which hands over what
CodePipeline hands to CodeBuild out of sight:

    codebuild.builds.start(call, "project", pipeline=PipelineRun(...), environment=[...]) -> build id
    codebuild.builds.wait(build_id, seconds) -> the build as BatchGetBuilds gives it, its buildStatus perhaps
        still IN_PROGRESS; exportedEnvironmentVariables is what the action's namespace gets
    codebuild.builds.stop(call, build_id)

`call` is the action's role: it needs codebuild:StartBuild and StopBuild on the project. `wait` checks
nothing; on AWS, CodePipeline looks with codebuild:BatchGetBuilds. The artifacts are fetched and put by the
build itself, with the project's service role.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.codebuild.pipeline_run import PipelineRun, S3Location

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud
    from local.codebuild.plugin import CodeBuildPlugin

__all__ = ["PipelineRun", "S3Location", "plug"]


def plug(cloud: LocalCloud) -> CodeBuildPlugin:
    """Give what the local cloud serves for CodeBuild: its API and its resource types."""
    from local.codebuild.plugin import make_plugin

    return make_plugin(cloud)
