"""Recipes against what AWS accepts and what the two nuclei trip over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from checks import recipes
from checks.assembly import Assembly
from checks.recipes import problems

GOOD = """
RecipeFormatVersion: "2020-01-25"
ComponentName: com.edgeline.inspector
ComponentVersion: "1.0.3"
ComponentType: aws.greengrass.generic
ComponentConfiguration:
  DefaultConfiguration:
    unsureLow: "0.15"
    accessControl: {aws.greengrass.ipc.mqttproxy: {"a:mqttproxy:1": {operations: ["x"], resources: ["y/*"]}}}
ComponentDependencies:
  com.edgeline.model.tags: {VersionRequirement: ">=1.0.0 <2.0.0", DependencyType: HARD}
Manifests:
  - Platform: {os: linux, runtime: "*"}
    Artifacts:
      - Uri: s3://bucket/components/inspector.zip
        Unarchive: ZIP
        Permission: {Read: ALL, Execute: NONE}
    Lifecycle:
      install: {Script: "echo {work:path}", Timeout: "900"}
      run: exec python3 "{artifacts:decompressedPath}/x/main.py" {configuration:/unsureLow}
"""


def test_a_good_recipe_is_fine() -> None:
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "path", "says"),
    [
        (
            'RecipeFormatVersion: "2020-01-25"',
            "RecipeFormatVersion: 2020-01-25",
            "RecipeFormatVersion",
            "put it in",
        ),
        ("ComponentName:", "componentName:", "componentName", "write ComponentName"),
        ("com.edgeline.inspector", "com edgeline", "ComponentName", "is not 1 to 128"),
        ("com.edgeline.inspector", "aws.greengrass.Mine", "ComponentName", "as the components of AWS do"),
        ('ComponentVersion: "1.0.3"', "ComponentVersion: 1.0", "ComponentVersion", "1.0 is a number"),
        ('"1.0.3"', '"1.0"', "ComponentVersion", "is not major.minor.patch"),
        ('"1.0.3"', '"1.0.4294967296"', "ComponentVersion", "over 2147483647"),
        (
            'unsureLow: "0.15"',
            "unsureLow: 0.15",
            "ComponentConfiguration.DefaultConfiguration.unsureLow",
            "quotes",
        ),
        (
            "HARD",
            "FIRM",
            "ComponentDependencies.com.edgeline.model.tags.DependencyType",
            "none of HARD, SOFT",
        ),
        ("HARD", "hard", "ComponentDependencies.com.edgeline.model.tags.DependencyType", "write HARD"),
        (
            "<2.0.0",
            "below 2",
            "ComponentDependencies.com.edgeline.model.tags.VersionRequirement",
            "requirement",
        ),
        (', runtime: "*"', "", "Manifests[0].Platform.runtime", "is missing"),
        ('Platform: {os: linux, runtime: "*"}', "Name: linux", "Manifests[0].Platform", "is missing"),
        ("s3://bucket", "https://bucket", "Manifests[0].Artifacts[0].Uri", "is not s3://bucket/key"),
        ("Unarchive: ZIP", "Unarchive: TAR", "Manifests[0].Artifacts[0].Unarchive", "none of NONE, ZIP"),
        ("Unarchive: ZIP", "unarchive: ZIP", "Manifests[0].Artifacts[0].unarchive", "write Unarchive"),
        ("Read: ALL", "Read: all", "Manifests[0].Artifacts[0].Permission.Read", "write ALL"),
        ("      install:", "      Install:", "Manifests[0].Lifecycle.Install", "write install"),
        ("Script:", "script:", "Manifests[0].Lifecycle.install.script", "write Script"),
        ('"900"', "15m", "Manifests[0].Lifecycle.install.Timeout", "no whole number of seconds"),
        ("      run:", "      shutdown:", "Manifests[0].Lifecycle", "nucleus lite never completes it"),
        ("{work:path}", "{com.x:work:path}", "Manifests[0].Lifecycle.install", "no variable of both nuclei"),
        ("echo {work:path}", "echo ${HOME}", "Manifests[0].Lifecycle.install", "no variable of both nuclei"),
        ("echo {work:path}", "f() { echo; }", "Manifests[0].Lifecycle.install", "a brace outside a variable"),
        ("inspector.zip", "@ARTIFACT@.zip", "", "@ARTIFACT@ is left unfilled"),
        ("Manifests:", "ComponentName: twice\nManifests:", "", "stands twice"),
    ],
)
def test_what_would_fail_on_aws_or_on_a_device_is_named(old: str, new: str, path: str, says: str) -> None:
    assert old in GOOD
    told = {
        problem.path: f"{problem.wrong}; {problem.remedy}" for problem in problems(GOOD.replace(old, new, 1))
    }
    assert says in told[path]


def test_what_is_no_recipe_at_all_is_named() -> None:
    assert [problem.wrong for problem in problems("- one")] == ["['one'] is a list where a mapping is needed"]


def test_recipes_in_stacks_and_in_environments_are_read(assembled: Callable[..., Assembly]) -> None:
    broken = GOOD.replace("Unarchive: ZIP", "Unarchive: TAR")
    inline = recipes.check(assembled("AWS::GreengrassV2::ComponentVersion", {"InlineRecipe": broken}))
    assert [finding.where for finding in inline] == ["Tools/Stack/Thing0 Manifests[0].Artifacts[0].Unarchive"]
    carried = recipes.check(
        assembled("AWS::Lambda::Function", {"Environment": {"Variables": {"RECIPE": broken}}})
    )
    assert [finding.where for finding in carried] == [
        "Tools/Stack/Thing0 RECIPE Manifests[0].Artifacts[0].Unarchive"
    ]


def test_the_templates_of_edge_are_read(
    assembled: Callable[..., Assembly], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "edge/inspector"
    folder.mkdir(parents=True)
    template = GOOD.replace('"1.0.3"', '"@VERSION@"').replace("Read: ALL", "Read: EVERYONE")
    (folder / "recipe.yaml").write_text(f"# A template.\n{template}")
    monkeypatch.setattr(recipes, "_ROOT", tmp_path)
    (found,) = recipes.check(assembled("AWS::SQS::Queue"))
    assert found.where == "edge/inspector/recipe.yaml Manifests[0].Artifacts[0].Permission.Read"
