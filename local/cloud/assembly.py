"""The stacks of a synthesized cloud assembly."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Stack:
    """One stack of an assembly, and the folder that its files lie in."""

    artifact: str
    name: str
    folder: Path
    template: str
    dependencies: tuple[str, ...]
    environment: str

    def account(self, default: str) -> str:
        """The number of the account that the stack is made for; the default where the assembly names none."""
        named = self.environment.removeprefix("aws://").partition("/")[0]
        return default if named in ("", "unknown-account") else named


def stacks_in_order(assembly: Path) -> list[Stack]:
    """Return all stacks of an assembly and of those nested in it, each after the ones that it depends on."""
    ordered: list[Stack] = []
    for stacks in _assemblies(assembly):
        by_artifact = {stack.artifact: stack for stack in stacks}
        for stack in stacks:
            _append(stack, by_artifact, ordered)
    return ordered


def _assemblies(folder: Path) -> Iterator[list[Stack]]:
    artifacts = json.loads((folder / "manifest.json").read_text()).get("artifacts", {})
    yield [
        Stack(
            artifact=name,
            name=artifact["properties"].get("stackName", name),
            folder=folder,
            template=artifact["properties"]["templateFile"],
            dependencies=tuple(artifact.get("dependencies", ())),
            environment=artifact.get("environment", ""),
        )
        for name, artifact in artifacts.items()
        if artifact["type"] == "aws:cloudformation:stack"
    ]
    for artifact in artifacts.values():
        if artifact["type"] == "cdk:cloud-assembly":
            yield from _assemblies(folder / artifact["properties"]["directoryName"])


def _append(stack: Stack, by_artifact: Mapping[str, Stack], ordered: list[Stack]) -> None:
    if stack in ordered:
        return
    for name in stack.dependencies:
        if name in by_artifact:
            _append(by_artifact[name], by_artifact, ordered)
    ordered.append(stack)
