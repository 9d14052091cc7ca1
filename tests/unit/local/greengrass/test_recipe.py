from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from local.greengrass.recipe import BadRecipe, merge, parse_recipe, render, reset, with_digests

GOOD: dict[str, Any] = {
    "RecipeFormatVersion": "2020-01-25",
    "ComponentName": "com.x.hello",
    "ComponentVersion": "1.0.0",
    "ComponentConfiguration": {"DefaultConfiguration": {"a": {"b": "1"}}},
    "ComponentDependencies": {"com.x.other": {"VersionRequirement": "^1.0.0", "DependencyType": "SOFT"}},
    "Manifests": [
        {
            "Platform": {"os": "linux", "runtime": "*"},
            "Artifacts": [{"Uri": "s3://bucket/a/b.zip", "Unarchive": "ZIP"}],
            "Lifecycle": {"install": {"Script": "echo", "Timeout": "30"}, "run": "exec sleep 1"},
        }
    ],
}


@pytest.mark.parametrize("write", [json.dumps, yaml.safe_dump])
def test_json_and_yaml_are_read_alike(write: Any) -> None:
    recipe = parse_recipe(write(GOOD).encode())
    assert (recipe.name, str(recipe.version)) == ("com.x.hello", "1.0.0")
    assert recipe.artifacts[0].file_name == "b.zip"
    assert recipe.steps["install"].timeout == 30
    assert recipe.steps["run"].script == "exec sleep 1"
    assert not recipe.dependencies["com.x.other"].hard


def manifest(**changes: Any) -> dict[str, Any]:
    return {"Manifests": [{**GOOD["Manifests"][0], **changes}]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"RecipeFormatVersion": "2021-01-01"}, "RecipeFormatVersion"),
        ({"ComponentName": "a b"}, "ComponentName"),
        ({"ComponentName": "aws.greengrass.Mine"}, "as the components of AWS do"),
        ({"ComponentVersion": "1.0"}, "ComponentVersion"),
        ({"Manifests": []}, "at least one"),
        ({"componentname": "x"}, "componentname: not served"),
        ({"ComponentDependencies": {"o": {"DependencyType": "HARD"}}}, "VersionRequirement is missing"),
        (
            {"ComponentDependencies": {"o": {"VersionRequirement": "1", "DependencyType": "FIRM"}}},
            "neither HARD",
        ),
        (manifest(Platform={"os": "linux"}), "runtime"),
        (manifest(Platform={"os": "windows", "runtime": "*"}), "os linux"),
        (manifest(Artifacts=[{"Uri": "https://x/y"}]), "is not s3://bucket/key"),
        (manifest(Artifacts=[{"Uri": "s3://b/k", "Unarchive": "TAR"}]), "neither NONE nor ZIP"),
        (manifest(Lifecycle={"Run": "echo"}), "Lifecycle: Run: not served"),
        (manifest(Lifecycle={"run": {"RequiresPrivilege": True, "Script": "x"}}), "nothing runs as root"),
        (manifest(Lifecycle={"run": {"script": "x"}}), "Script is missing"),
        (manifest(Lifecycle={"bootstrap": "x"}), "bootstrap"),
    ],
)
def test_what_a_nucleus_would_not_take_is_refused_by_name(change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRecipe, match=message):
        parse_recipe(json.dumps({**GOOD, **change}))


def test_what_is_no_recipe_at_all_is_refused() -> None:
    with pytest.raises(BadRecipe, match="neither JSON nor YAML"):
        parse_recipe(b"{: ]")
    with pytest.raises(BadRecipe, match="not a mapping"):
        parse_recipe(b"- one")


def test_digests_travel_with_the_recipe() -> None:
    recipe = with_digests(parse_recipe(json.dumps(GOOD)), {"s3://bucket/a/b.zip": "abc="})
    assert recipe.digests == {"s3://bucket/a/b.zip": "abc="}
    assert recipe.document["Manifests"][0]["Artifacts"][0]["Algorithm"] == "SHA-256"


def test_variables_are_filled_in() -> None:
    found = render(
        "{iot:thingName} {configuration:/a/b} {configuration:/a}", {"iot:thingName": "t"}, {"a": {"b": "1"}}
    )
    assert found == 't 1 {"b": "1"}'


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo {com.x.other:artifacts:path}", "not a variable that both nuclei know"),
        ("echo ${HOME}", "not a variable"),
        ("f() { echo; }", "a brace outside"),
        ("echo {configuration:/none}", "no such value"),
    ],
)
def test_what_lite_would_not_fill_in_is_refused(script: str, message: str) -> None:
    with pytest.raises(BadRecipe, match=message):
        render(script, {}, {})


def test_a_merge_goes_mapping_by_mapping() -> None:
    assert merge({"a": {"b": 1, "c": 2}, "l": [1]}, {"a": {"b": 3}, "l": [2]}) == {
        "a": {"b": 3, "c": 2},
        "l": [2],
    }


def test_a_reset_brings_defaults_back_and_takes_what_has_none() -> None:
    current, defaults = {"a": {"b": 3, "x": 1}, "y": 2}, {"a": {"b": 1}}
    assert reset(current, defaults, ["/a/b"]) == {"a": {"b": 1, "x": 1}, "y": 2}
    assert reset(current, defaults, ["/y", "/a/x"]) == {"a": {"b": 3}}
    assert reset(current, defaults, [""]) == defaults
