"""A pipeline's declaration, as the API has it, read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Declaration = dict[str, Any]

_REFERENCE = re.compile(r"#\{([^{}]*)\}")


@dataclass(frozen=True)
class Action:
    """One action of one stage."""

    stage: str
    name: str
    declared: Mapping[str, Any]

    @property
    def category(self) -> str:
        """Source, Build, Test, Deploy, Approval or Invoke."""
        return str(self.declared["actionTypeId"]["category"])

    @property
    def provider(self) -> str:
        """The provider of its type: S3, CodeBuild, Manual."""
        return str(self.declared["actionTypeId"]["provider"])

    @property
    def run_order(self) -> int:
        """When in its stage it runs; actions of one run order run in parallel."""
        return int(self.declared.get("runOrder", 1))

    @property
    def configuration(self) -> dict[str, str]:
        """The configuration with its variable references."""
        return dict(self.declared.get("configuration", {}))

    @property
    def inputs(self) -> list[str]:
        """The names of its input artifacts."""
        return [str(artifact["name"]) for artifact in self.declared.get("inputArtifacts", [])]

    @property
    def outputs(self) -> list[str]:
        """The names of its output artifacts."""
        return [str(artifact["name"]) for artifact in self.declared.get("outputArtifacts", [])]

    @property
    def role_arn(self) -> str:
        """The role it acts with; empty where that is the pipeline's."""
        return str(self.declared.get("roleArn", ""))

    @property
    def namespace(self) -> str:
        """The namespace of its output variables; empty where they go nowhere."""
        return str(self.declared.get("namespace", ""))

    @property
    def where(self) -> str:
        """Its place, for messages."""
        return f"stage {self.stage}, action {self.name}"


def stage_actions(stage: Mapping[str, Any]) -> list[Action]:
    """Give the actions of a stage."""
    return [Action(str(stage["name"]), str(declared["name"]), declared) for declared in stage["actions"]]


def all_actions(pipeline: Mapping[str, Any]) -> Iterator[tuple[tuple[int, int], Action]]:
    """Give each action with its place in time: (index of its stage, run order)."""
    for index, stage in enumerate(pipeline["stages"]):
        for action in stage_actions(stage):
            yield (index, action.run_order), action


def sources(pipeline: Mapping[str, Any]) -> list[Action]:
    """Give the source actions."""
    return [action for _, action in all_actions(pipeline) if action.category == "Source"]


def artifact_store(pipeline: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the artifact store of the pipeline's own region, the only one that is served."""
    if "artifactStore" in pipeline:
        store: Mapping[str, Any] = pipeline["artifactStore"]
        return store
    first: Mapping[str, Any] = next(iter(pipeline["artifactStores"].values()))
    return first


def references(text: str) -> list[str]:
    """Give what stands between `#{` and `}` in a configuration value."""
    return _REFERENCE.findall(text)


def resolve(text: str, variables: Mapping[str, Mapping[str, str]]) -> str:
    """Replace `#{namespace.key}`; KeyError, with the reference, where there is no such variable."""

    def value(found: re.Match[str]) -> str:
        namespace, _, key = found[1].partition(".")
        try:
            return variables[namespace][key]
        except KeyError:
            raise KeyError(found[0]) from None

    return _REFERENCE.sub(value, text)
