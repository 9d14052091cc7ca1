"""Which versions of which components a device needs for the components that it was given."""

from collections.abc import Mapping

from local.greengrass.recipe import Recipe
from local.greengrass.versions import Requirement, Version

PROVIDED = {
    "aws.greengrass.TokenExchangeService": Version(2, 0, 3),
    "aws.greengrass.Nucleus": Version(2, 14, 0),
}
_MOST_ROUNDS = 100


class NoAvailableVersion(Exception):  # noqa: N818 - the name that callers read
    """No version of a component satisfies everything that needs it; the message names them."""


def resolve(roots: Mapping[str, str], available: Mapping[str, Mapping[Version, Recipe]]) -> list[Recipe]:
    """Return the recipes of `roots` (name to exact version) and all that they need, dependencies first.

    The highest version that satisfies every requirement wins. Raises NoAvailableVersion.
    """
    chosen: dict[str, Recipe] = {}
    for _ in range(_MOST_ROUNDS):
        requirements = _requirements(roots, chosen)
        picked = {name: _pick(name, wants, available) for name, wants in requirements.items()}
        if {name: r.version for name, r in picked.items()} == {name: r.version for name, r in chosen.items()}:
            return _ordered(picked)
        chosen = picked
    raise NoAvailableVersion(f"the dependencies of {', '.join(sorted(roots))} do not settle")


def _requirements(
    roots: Mapping[str, str], chosen: Mapping[str, Recipe]
) -> dict[str, list[tuple[str, Requirement]]]:
    wants = {name: [("the deployment", Requirement.parse(version))] for name, version in roots.items()}
    for recipe in chosen.values():
        for name, dependency in recipe.dependencies.items():
            by = f"{recipe.name} {recipe.version}"
            if name in PROVIDED:
                if not dependency.requirement.allows(PROVIDED[name]):
                    raise NoAvailableVersion(
                        f"{by} needs {name} {dependency.requirement.text}, not {PROVIDED[name]}"
                    )
                continue
            wants.setdefault(name, []).append((by, dependency.requirement))
    return wants


def _pick(
    name: str, wants: list[tuple[str, Requirement]], available: Mapping[str, Mapping[Version, Recipe]]
) -> Recipe:
    versions = available.get(name, {})
    fitting = [version for version in versions if all(want.allows(version) for _, want in wants)]
    if not fitting:
        needs = "; ".join(f"{by} needs {want.text}" for by, want in wants)
        have = ", ".join(str(version) for version in sorted(versions)) or "none"
        raise NoAvailableVersion(f"no version of {name} fits: {needs}; there are: {have}")
    return versions[max(fitting)]


def _ordered(recipes: Mapping[str, Recipe]) -> list[Recipe]:
    ordered: list[Recipe] = []

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise NoAvailableVersion(f"components need each other in a circle: {' -> '.join([*path, name])}")
        if recipes[name] in ordered:
            return
        for dependency in sorted(recipes[name].dependencies):
            if dependency in recipes:
                visit(dependency, (*path, name))
        ordered.append(recipes[name])

    for name in sorted(recipes):
        visit(name, ())
    return ordered
