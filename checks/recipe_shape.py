"""What a Greengrass recipe may consist of, and what AWS or one of the two nuclei would trip over."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from checks.shapes import Anything, Either, Keys, Many, Named, Problem, Shape, Text

_COMPONENT = r"[a-zA-Z0-9._-]{1,128}"
_VERSION = r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?"
_BOUND = r"(>=|<=|>|<|=|\^|~)?\s*(\d+|[xX*])(\.(\d+|[xX*])){0,2}(-[0-9A-Za-z.-]+)?"
_LARGEST = 2**31 - 1  # of a version's numbers, on the classic nucleus
_TIMES = r"\d+"
_LITE_VARIABLES = {
    "iot:thingName", "work:path", "artifacts:path", "artifacts:decompressedPath", "kernel:rootPath",
}  # fmt: skip


class _Boolean:
    """A boolean, or its name in quotes, which both nuclei read."""

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        if not isinstance(value, bool) and str(value) not in ("true", "false"):
            yield Problem(path, f"{value!r} is neither true nor false", "write true or false")


class _Seconds:
    """A number of seconds, in quotes or not."""

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        if isinstance(value, bool) or not re.fullmatch(_TIMES, str(value)):
            yield Problem(path, f"{value!r} is no whole number of seconds", "write the seconds")


_SETENV = Named(Text(may_be_empty=True), r"[A-Za-z_][A-Za-z0-9_]*")
_STEP = Keys(
    {
        "Script": Text(),
        "Timeout": _Seconds(),
        "Setenv": _SETENV,
        "RequiresPrivilege": _Boolean(),
        "Skipif": Text(r"(onpath|exists) .+", meaning="onpath COMMAND or exists FILE"),
    },
    needed=("Script",),
)
_BOOTSTRAP = Keys({**_STEP.known, "BootstrapOnRollback": _Boolean()}, needed=("Script",))
_LIFECYCLE = Keys(
    {
        "Setenv": _SETENV,
        "bootstrap": Either(Text(), _BOOTSTRAP),
        **{step: Either(Text(), _STEP) for step in ("install", "startup", "run", "shutdown", "recover")},
    }
)
_ARTIFACT = Keys(
    {
        "Uri": Text(r"s3://[a-z0-9.-]{3,63}/.+", meaning="s3://bucket/key"),
        "Unarchive": Text(among=("NONE", "ZIP")),
        "Permission": Keys(
            {"Read": Text(among=("NONE", "OWNER", "ALL")), "Execute": Text(among=("NONE", "OWNER", "ALL"))}
        ),
    },
    needed=("Uri",),
)
_PLATFORM = Keys(
    {"os": Text(), "architecture": Text(), "architecture.detail": Text(), "runtime": Text()},
    needed=("os", "runtime"),
)
_DEPENDENCY = Keys(
    {
        "VersionRequirement": Text(
            rf"{_BOUND}((\s+|\s*,\s*|\s*\|\|\s*){_BOUND})*",
            meaning="a version requirement such as >=1.0.0 <2.0.0",
        ),
        "DependencyType": Text(among=("HARD", "SOFT")),
    },
    needed=("VersionRequirement",),
)
_MANIFEST: dict[str, Shape] = {
    "Name": Text(),
    "Platform": _PLATFORM,
    "Lifecycle": _LIFECYCLE,
    "Artifacts": Many(_ARTIFACT),
    "Selections": Many(Text()),
}
RECIPE = Keys(
    {
        "RecipeFormatVersion": Text(among=("2020-01-25",)),
        "ComponentName": Text(_COMPONENT, meaning="1 to 128 letters, digits, '.', '_' or '-'"),
        "ComponentVersion": Text(_VERSION, meaning="major.minor.patch"),
        "ComponentType": Text(among=("aws.greengrass.generic",)),
        "ComponentDescription": Text(),
        "ComponentPublisher": Text(),
        "ComponentConfiguration": Keys({"DefaultConfiguration": Anything()}),
        "ComponentDependencies": Named(_DEPENDENCY, _COMPONENT),
        "Manifests": Many(Keys(_MANIFEST, needed=("Platform", "Lifecycle"))),
        "Lifecycle": _LIFECYCLE,
    },
    needed=("RecipeFormatVersion", "ComponentName", "ComponentVersion", "Manifests"),
)


def traps(recipe: Any) -> Iterator[Problem]:
    """What is well formed and would still fail on a device; for a recipe of the shape above."""
    for number in re.findall(r"\d+", recipe["ComponentVersion"].partition("-")[0]):
        if int(number) > _LARGEST:
            yield Problem(
                "ComponentVersion", f"{number} is over {_LARGEST}", "the classic nucleus counts no further"
            )
    if recipe["ComponentName"].startswith("aws.greengrass."):
        yield Problem("ComponentName", "begins as the components of AWS do", "rename it")
    yield from _numbers(recipe.get("ComponentConfiguration", {}), "ComponentConfiguration")
    for index, manifest in enumerate(recipe["Manifests"]):
        yield from _lifecycle(manifest["Lifecycle"], f"Manifests[{index}].Lifecycle")


def _numbers(value: Any, path: str) -> Iterator[Problem]:
    """Nucleus lite hands YAML's 0.5 over as the text "0.5", the classic one as a number."""
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _numbers(entry, f"{path}.{key}")
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _numbers(entry, f"{path}[{index}]")
    elif isinstance(value, int | float):
        yield Problem(path, f"{value!r} reaches the component as text on one nucleus", "put it in quotes")


def _lifecycle(lifecycle: Mapping[str, Any], path: str) -> Iterator[Problem]:
    if not {"run", "startup"} & set(lifecycle):
        yield Problem(
            path,
            "neither run nor startup: nucleus lite never completes it",
            "add a run, which may end with 0",
        )
    for name, step in lifecycle.items():
        script = step if isinstance(step, str) else step.get("Script", "")
        for variable in re.findall(r"\{([^{}\s]+)\}", script):
            if variable not in _LITE_VARIABLES and not variable.startswith("configuration:/"):
                known = ", ".join(sorted(_LITE_VARIABLES))
                yield Problem(
                    f"{path}.{name}", f"{{{variable}}} is no variable of both nuclei", f"use {known}"
                )
        if re.search(r"[{}]", re.sub(r"\{[^{}\s]+\}", "", script)):
            yield Problem(
                f"{path}.{name}",
                "a brace outside a variable, which nucleus lite takes for one",
                "do without it",
            )
