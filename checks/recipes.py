"""Every Greengrass recipe: the templates of edge/, those in stacks, those that functions and builds carry."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from checks.assembly import Assembly, Resource
from checks.documents import BadDocumentError, read_document
from checks.finding import Finding
from checks.intrinsics import Resolver
from checks.recipe_shape import RECIPE, traps
from checks.shapes import Problem

NAME = "recipes"
_ROOT = Path(__file__).parents[1]
_PLACEHOLDER = re.compile(r"@([A-Z_]+)@")
_BEGINS = "RecipeFormatVersion"


def check(assembly: Assembly) -> list[Finding]:
    """Hold each recipe against what AWS and both nuclei accept."""
    return [
        Finding(NAME, f"{where} {problem.path}".strip(), problem.wrong, problem.remedy)
        for where, text in _recipes(assembly)
        for problem in problems(text)
    ]


def problems(text: str) -> list[Problem]:
    """All that is wrong with one recipe; what only shows on a device once the rest is right."""
    try:
        recipe: Any = read_document(text)
    except BadDocumentError as error:
        return [Problem("", str(error), "correct it")]
    found = list(RECIPE.problems(recipe, ""))
    found += [
        Problem("", f"{name} is left unfilled", "fill it in")
        for name in sorted({match[0] for match in _PLACEHOLDER.finditer(text)})
    ]
    return found or list(traps(recipe))


def _recipes(assembly: Assembly) -> Iterator[tuple[str, str]]:
    for file in sorted(_ROOT.glob("edge/*/recipe.yaml")):
        yield file.relative_to(_ROOT).as_posix(), filled(file.read_text(encoding="utf-8"))
    resolver = Resolver(assembly)
    for component in assembly.resources("AWS::GreengrassV2::ComponentVersion"):
        if "InlineRecipe" in component.properties:
            yield (
                component.where,
                str(resolver.resolve(component.stack, component.properties["InlineRecipe"])),
            )
    for resource, name, value in _variables(assembly, resolver):
        if _BEGINS in value:
            yield f"{resource.where} {name}", filled(value)


def _variables(assembly: Assembly, resolver: Resolver) -> Iterator[tuple[Resource, str, str]]:
    """The environment of every function and every build: a recipe's template may travel in it."""
    for function in assembly.resources("AWS::Lambda::Function"):
        given = function.properties.get("Environment", {}).get("Variables", {})
        for name, value in given.items():
            yield function, name, str(resolver.resolve(function.stack, value))
    for project in assembly.resources("AWS::CodeBuild::Project"):
        for entry in project.properties.get("Environment", {}).get("EnvironmentVariables") or []:
            yield project, entry["Name"], str(resolver.resolve(project.stack, entry["Value"]))


def filled(template: str) -> str:
    """A template with something of the right form at every @PLACEHOLDER@, and without its comments."""
    lines = (line for line in template.splitlines(keepends=True) if not line.startswith("#"))
    standing = {"VERSION": "1.0.0", "ARTIFACT_URI": "s3://bucket/components/component.zip"}
    return _PLACEHOLDER.sub(
        lambda match: standing.get(match[1], match[1].lower().replace("_", "-")), "".join(lines)
    )
