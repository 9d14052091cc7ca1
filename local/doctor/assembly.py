"""The synthesized templates that the doctor reads, and whether they are those of the code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SOURCES = (
    "app.py",
    "config.py",
    "config_classification.py",
    "config_delivery.py",
    "config_endpoint.py",
    "config_labeling.py",
    "config_model.py",
    "config_table.py",
    "config_trees.py",
    "cdk.json",
    "stacks",
    "lambdas",
    "pipeline_defs",
    "edge",
    "labeling_app",
    "examples",
)


@dataclass(frozen=True)
class Stack:
    """One stack: where it is in the app, such as `Tools/Data`, its name and its template."""

    path: str
    name: str
    template: dict[str, Any]

    def resources(self, prefix: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Place, type and properties of each resource whose type begins with the prefix."""
        for logical_id, resource in self.template.get("Resources", {}).items():
            if resource["Type"].startswith(prefix):
                yield f"{self.path}/{logical_id}", resource["Type"], resource.get("Properties", {})


def is_current(assembly: Path, root: Path, configuration: Path) -> bool:
    """Tell whether an assembly is there and younger than all that it is made from."""
    manifest = assembly / "manifest.json"
    if not manifest.is_file():
        return False
    made = manifest.stat().st_mtime
    return all(path.stat().st_mtime <= made for path in [configuration, *_files(root)])


def read(assembly: Path) -> list[Stack]:
    """Read every stack of an assembly and of the stages in it."""
    artifacts = json.loads((assembly / "manifest.json").read_text(encoding="utf-8")).get("artifacts", {})
    found: list[Stack] = []
    for artifact in artifacts.values():
        properties = artifact.get("properties", {})
        if artifact["type"] == "aws:cloudformation:stack":
            template = json.loads((assembly / properties["templateFile"]).read_text(encoding="utf-8"))
            name = properties.get("stackName") or artifact["displayName"]
            found.append(Stack(artifact["displayName"].split(" ")[0], name, template))
        elif artifact["type"] == "cdk:cloud-assembly":
            found += read(assembly / properties["directoryName"])
    return found


def _files(root: Path) -> Iterator[Path]:
    for source in _SOURCES:
        path = root / source
        yield from (file for file in path.rglob("*.*") if "__pycache__" not in file.parts)
        if path.is_file():
            yield path
