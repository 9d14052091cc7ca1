"""The build and test action CodeBuild."""

from __future__ import annotations

import json
from typing import Any

from local.cloud.errors import AwsError
from local.codebuild.pipeline_run import PipelineRun, S3Location
from local.codepipeline.neighbours import Neighbours
from local.codepipeline.records import Location
from local.codepipeline.work import Abandoned, ActionError, Done, Work

_LONGEST_SECONDS = 8 * 3600
_LOOK_SECONDS = 0.5
_TYPES = ("PLAINTEXT", "PARAMETER_STORE", "SECRETS_MANAGER")


class CodeBuildAction:
    """Starts a build of the project with the action's artifacts, and waits for its end."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    def run(self, work: Work) -> Done:
        """Do the action."""
        builds = self._neighbours.builds
        project = work.configuration["ProjectName"]
        primary = work.configuration.get("PrimarySource", work.action.inputs[0])
        build_id = builds.start(
            work.call,
            project,
            pipeline=PipelineRun(
                pipeline=work.pipeline,
                inputs=_located(work.inputs),
                primary=primary,
                outputs=_located(work.outputs),
                encryption_key=work.encryption_key,
                revision=work.revisions.get(primary, ""),
            ),
            environment=_environment(work.configuration.get("EnvironmentVariables", "[]")),
        )
        work.report(external_id=build_id)
        # CodePipeline looks at the build with BatchGetBuilds.
        work.permit("codebuild:BatchGetBuilds", work.call.arn("codebuild", f"project/{project}"))

        def ended() -> dict[str, Any] | None:
            build = builds.wait(build_id, _LOOK_SECONDS)
            return None if build["buildStatus"] == "IN_PROGRESS" else build

        try:
            build = work.until(ended, _LONGEST_SECONDS, f"The build {build_id}")
        except Abandoned:
            try:
                builds.stop(work.call, build_id)
            except AwsError as error:  # the role may be gone, with the pipeline
                work.report(summary=f"The build goes on: {error.message}")
            raise
        if url := build.get("logs", {}).get("deepLink"):
            work.report(external_url=url)
        if build["buildStatus"] != "SUCCEEDED":
            raise ActionError("JobFailed", _why(build))
        exported = build.get("exportedEnvironmentVariables", [])
        return Done(variables={variable["name"]: variable["value"] for variable in exported})


def _located(artifacts: Any) -> dict[str, S3Location]:
    found: dict[str, Location] = dict(artifacts)
    return {name: S3Location(where.bucket, where.key) for name, where in found.items()}


def _environment(text: str) -> list[dict[str, str]]:
    try:
        variables = json.loads(text)
        return [
            {"name": v["name"], "value": v["value"], "type": _TYPES[_TYPES.index(v.get("type", "PLAINTEXT"))]}
            for v in variables
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise ActionError(
            "ConfigurationError", f"EnvironmentVariables is no list of name, value and type: {error!r}"
        ) from error


def _why(build: dict[str, Any]) -> str:
    """Say which phase failed and what CodeBuild gave as its reason."""
    failed = [
        f"{phase['phaseType']}: {context.get('message') or context.get('statusCode', '')}"
        for phase in build.get("phases", [])
        if phase.get("phaseStatus") not in (None, "SUCCEEDED")
        for context in phase.get("contexts") or [{}]
    ]
    reason = f" in {'; '.join(failed)}" if failed else ""
    return f"Build {build['id']} ended {build['buildStatus']}{reason}"
