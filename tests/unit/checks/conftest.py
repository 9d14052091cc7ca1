"""Assemblies to check: the app's own, the same with something changed, and small ones of a few resources."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

# Read by the CDK library as it starts: its validation of CloudFormation is run as a check.
os.environ["CDK_VALIDATION"] = "false"

import pytest

import app
from checks.assembly import Assembly, Stack, read_assembly

Plant = Callable[[str, Callable[[dict[str, Any]], None]], Assembly]
Assembled = Callable[..., Assembly]


@pytest.fixture(scope="session")
def app_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `cdk synth` writes."""
    directory = tmp_path_factory.mktemp("cdk.out")
    app.build(outdir=str(directory)).synth()
    return directory


@pytest.fixture(scope="session")
def app_assembly(app_folder: Path) -> Assembly:
    return read_assembly(app_folder)


@pytest.fixture
def plant(app_assembly: Assembly, tmp_path: Path) -> Plant:
    """The app's assembly with the first resource of a type changed; the changed stack comes first."""

    def planted(kind: str, change: Callable[[dict[str, Any]], None]) -> Assembly:
        resource = next(iter(app_assembly.resources(kind)))
        stack = resource.stack
        template = copy.deepcopy(dict(stack.template))
        change(template["Resources"][resource.logical_id]["Properties"])
        file = tmp_path / stack.file.name
        file.write_text(json.dumps(template))
        changed = dataclasses.replace(stack, template=template, file=file)
        others = (each for each in app_assembly.stacks if each.file != stack.file)
        return dataclasses.replace(app_assembly, stacks=(changed, *others))

    return planted


@pytest.fixture
def assembled(tmp_path: Path) -> Assembled:
    """An assembly of one stack with resources of one type."""

    def assemble(kind: str, *properties: Mapping[str, Any], **template: Any) -> Assembly:
        resources = {
            f"Thing{index}": {"Type": kind, "Properties": each} for index, each in enumerate(properties)
        }
        whole = {"Resources": resources, **template}
        file = tmp_path / "Stack.template.json"
        file.write_text(json.dumps(whole))
        stack = Stack("Tools/Stack", "edgeline-stack", file, whole, "111122223333", "eu-west-1")
        return Assembly(tmp_path, (stack,))

    return assemble
