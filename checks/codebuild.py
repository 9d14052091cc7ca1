"""What the checks read of a CodeBuild project: its environment and its sources."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from checks.assembly import Assembly, Resource
from checks.intrinsics import Resolver

_ASSET = re.compile(r"([0-9a-f]{64})\.zip")


def build_environment(project: Resource, resolver: Resolver) -> dict[str, str]:
    """The environment variables with their references filled in, and the region, as a build has them."""
    entries = project.properties.get("Environment", {}).get("EnvironmentVariables") or []
    resolved = resolver.resolve(project.stack, entries)
    region = {"AWS_REGION": project.stack.region, "AWS_DEFAULT_REGION": project.stack.region}
    return {**region, **{entry["Name"]: str(entry["Value"]) for entry in resolved}}


def source_folder(assembly: Assembly, project: Resource, resolver: Resolver) -> Path | None:
    """The folder of the asset that the project builds; None where what it builds is none.

    A project names the asset itself, or gets it from the source action of a pipeline.
    """
    own = resolver.resolve(project.stack, project.properties.get("Source", {}).get("Location", ""))
    for location in (str(own), *_through_pipelines(assembly, project, resolver)):
        named = _ASSET.search(location)
        asset = assembly.asset(named[1]) if named else None
        if asset is not None and asset.is_dir():
            return asset
    return None


def _through_pipelines(assembly: Assembly, project: Resource, resolver: Resolver) -> Iterator[str]:
    """The keys of the S3 objects that pipelines hand to the project."""
    name = resolver.resolve(project.stack, {"Ref": project.logical_id})
    for pipeline in assembly.resources("AWS::CodePipeline::Pipeline"):
        stages = resolver.resolve(pipeline.stack, pipeline.properties.get("Stages") or [])
        actions: list[dict[str, Any]] = [action for stage in stages for action in stage["Actions"]]
        wanted = {
            artifact["Name"]
            for action in actions
            if action.get("Configuration", {}).get("ProjectName") == name
            for artifact in action.get("InputArtifacts", [])
        }
        for action in actions:
            if wanted & {artifact["Name"] for artifact in action.get("OutputArtifacts", [])}:
                yield str(action.get("Configuration", {}).get("S3ObjectKey", ""))
