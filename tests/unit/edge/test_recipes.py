"""The recipes hold what AWS's schema and nucleus lite ask for; the schema has its keys in lower case."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

EDGE = Path(__file__).parents[3] / "edge"
RECIPES = ["inspector/recipe.yaml", "model/recipe.yaml"]
LITE_VARIABLES = {
    "iot:thingName",
    "work:path",
    "artifacts:path",
    "artifacts:decompressedPath",
    "kernel:rootPath",
}


def filled(name: str) -> dict[str, Any]:
    text = (EDGE / name).read_text()
    text = text.replace("@VERSION@", "1.0.3").replace("@ARTIFACT_URI@", "s3://bucket/components/it.zip")
    recipe = yaml.safe_load(re.sub(r"@([A-Z_]+)@", lambda m: m[1].lower().replace("_", "-"), text))
    assert isinstance(recipe, dict)
    return recipe


@pytest.mark.parametrize("name", RECIPES)
def test_required_keys_are_there_and_spelled_as_both_nuclei_spell_them(name: str) -> None:
    recipe = filled(name)
    assert recipe["RecipeFormatVersion"] == "2020-01-25"
    assert re.fullmatch(r"[a-zA-Z0-9-_.]+", recipe["ComponentName"])
    assert recipe["ComponentType"] == "aws.greengrass.generic"
    (manifest,) = recipe["Manifests"]
    assert manifest["Platform"] == {"os": "linux", "runtime": "*"}
    assert manifest["Artifacts"][0]["Unarchive"] == "ZIP"
    assert set(manifest["Lifecycle"]) <= {"install", "run"}
    assert "run" in manifest["Lifecycle"], "a component that only installs never completes on nucleus lite"
    for dependency in recipe.get("ComponentDependencies", {}).values():
        assert set(dependency) == {"VersionRequirement", "DependencyType"}


@pytest.mark.parametrize("name", RECIPES)
def test_scripts_use_only_variables_that_lite_knows_and_no_other_brace(name: str) -> None:
    for step in filled(name)["Manifests"][0]["Lifecycle"].values():
        assert set(re.findall(r"\{([^{}]*)\}", step["Script"])) <= LITE_VARIABLES
        assert not re.search(r"[{}]", re.sub(r"\{[^{}]*\}", "", step["Script"]))


def test_numbers_are_text_so_that_both_nuclei_hand_over_the_same() -> None:
    configuration = filled("inspector/recipe.yaml")["ComponentConfiguration"]["DefaultConfiguration"]
    assert all(isinstance(v, str) for k, v in configuration.items() if k != "accessControl")


def test_the_device_needs_neither_boto3_nor_torch() -> None:
    lines = (EDGE / "inspector/requirements.txt").read_text().split()
    assert all(re.fullmatch(r"[a-z0-9]+==[0-9.]+", line) for line in lines)
    assert {line.partition("==")[0] for line in lines} == {"awsiotsdk", "numpy", "onnxruntime", "pillow"}
    code = "".join(path.read_text() for path in (EDGE / "inspector").rglob("*.py"))
    assert not re.search(r"^\s*(import|from) (boto3|botocore|torch)", code, re.MULTILINE)
