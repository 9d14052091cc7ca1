from __future__ import annotations

import json
from typing import Any

import pytest

from local.greengrass.recipe import Recipe, parse_recipe
from local.greengrass.resolution import NoAvailableVersion, resolve
from local.greengrass.versions import Version


def recipe(name: str, version: str, **needs: str) -> Recipe:
    document: dict[str, Any] = {
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": name,
        "ComponentVersion": version,
        "ComponentDependencies": {k.replace("__", "."): {"VersionRequirement": v} for k, v in needs.items()},
        "Manifests": [{"Platform": {"runtime": "*"}, "Lifecycle": {"run": "x"}}],
    }
    return parse_recipe(json.dumps(document))


def available(*recipes: Recipe) -> dict[str, dict[Version, Recipe]]:
    found: dict[str, dict[Version, Recipe]] = {}
    for each in recipes:
        found.setdefault(each.name, {})[each.version] = each
    return found


def test_the_highest_version_that_all_accept_comes_first_of_all() -> None:
    known = available(
        recipe("app", "1.0.0", lib=">=1.0.0", tool="1.0.0"),
        recipe("tool", "1.0.0", lib="<1.2.0"),
        *(recipe("lib", version) for version in ("0.9.0", "1.0.0", "1.1.0", "1.2.0")),
    )
    found = [(r.name, str(r.version)) for r in resolve({"app": "1.0.0"}, known)]
    assert found == [("lib", "1.1.0"), ("tool", "1.0.0"), ("app", "1.0.0")]


def test_a_root_is_taken_at_its_exact_version() -> None:
    known = available(
        recipe("model", "1.0.1"), recipe("model", "1.0.2"), recipe("app", "1.0.0", model=">=1.0.0")
    )
    found = {r.name: str(r.version) for r in resolve({"app": "1.0.0", "model": "1.0.1"}, known)}
    assert found == {"app": "1.0.0", "model": "1.0.1"}


def test_what_nothing_satisfies_is_named_with_who_asks() -> None:
    known = available(recipe("app", "1.0.0", lib="^2.0.0"), recipe("lib", "1.0.0"))
    with pytest.raises(
        NoAvailableVersion, match=r"no version of lib fits: app 1\.0\.0 needs \^2\.0\.0; there are: 1"
    ):
        resolve({"app": "1.0.0"}, known)


def test_a_circle_is_refused() -> None:
    known = available(recipe("a", "1.0.0", b="*"), recipe("b", "1.0.0", a="*"))
    with pytest.raises(NoAvailableVersion, match="in a circle: a -> b -> a"):
        resolve({"a": "1.0.0"}, known)


def test_the_components_of_aws_are_there_at_their_versions() -> None:
    good = recipe("app", "1.0.0", aws__greengrass__TokenExchangeService=">=2.0.0 <3.0.0")
    assert resolve({"app": "1.0.0"}, available(good)) == [good]
    with pytest.raises(NoAvailableVersion, match=r"needs aws\.greengrass\.TokenExchangeService"):
        resolve(
            {"app": "1.0.0"},
            available(recipe("app", "1.0.0", aws__greengrass__TokenExchangeService="^3.0.0")),
        )
