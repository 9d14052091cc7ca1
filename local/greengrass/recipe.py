"""Component recipes: read, checked as AWS and both nuclei do, and rendered for a device."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from local.greengrass.versions import BadVersion, Requirement, Version

Document = dict[str, Any]

_TOP_LEVEL = {
    "RecipeFormatVersion",
    "ComponentName",
    "ComponentVersion",
    "ComponentDescription",
    "ComponentPublisher",
    "ComponentConfiguration",
    "ComponentDependencies",
    "ComponentType",
    "Manifests",
}
_MANIFEST = {"Name", "Platform", "Lifecycle", "Artifacts"}
_ARTIFACT = {"Uri", "Unarchive", "Permission", "Digest", "Algorithm"}
_STEPS = {"setenv", "Setenv", "install", "startup", "run", "shutdown"}
_STEP = {"Script", "Timeout", "Setenv", "RequiresPrivilege", "Skipif"}
_NAME = re.compile(r"[a-zA-Z0-9._-]{1,128}")
_VARIABLE = re.compile(r"\{([^{}\s]+)\}")


class BadRecipe(Exception):  # noqa: N818 - the name that callers read
    """A recipe that would be refused; the message says where and why."""


@dataclass(frozen=True)
class Dependency:
    """What a component needs of another; `hard` restarts it with the other."""

    requirement: Requirement
    hard: bool


@dataclass(frozen=True)
class Artifact:
    """One file of a component."""

    bucket: str
    key: str
    unarchive: bool

    @property
    def uri(self) -> str:
        """The address in the recipe."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def file_name(self) -> str:
        """The name on the device."""
        return self.key.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Step:
    """One lifecycle step; `timeout` in seconds."""

    script: str
    timeout: float
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Recipe:
    """A checked recipe. `document` is what was given, with the digests that AWS adds."""

    name: str
    version: Version
    dependencies: Mapping[str, Dependency]
    default_configuration: Document
    artifacts: tuple[Artifact, ...]
    digests: Mapping[str, str]
    steps: Mapping[str, Step]
    document: Document


def parse_recipe(content: bytes | str) -> Recipe:
    """Read a recipe in JSON or YAML. Raises BadRecipe."""
    document = _load(content)
    _known_keys(document, _TOP_LEVEL, "recipe")
    if document.get("RecipeFormatVersion") != "2020-01-25":
        raise BadRecipe(f"RecipeFormatVersion: {document.get('RecipeFormatVersion')!r} is not '2020-01-25'")
    name = document.get("ComponentName")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadRecipe(f"ComponentName: {name!r} is not 1 to 128 letters, digits, '.', '_' or '-'")
    if name.startswith("aws.greengrass."):
        raise BadRecipe(f"ComponentName: {name!r} begins as the components of AWS do")
    manifest = _manifest(document)
    artifacts = tuple(_artifact(entry) for entry in _sequence(manifest, "Artifacts"))
    lifecycle = _mapping(manifest, "Lifecycle")
    return Recipe(
        name=name,
        version=_version(document),
        dependencies=_dependencies(document),
        default_configuration=_mapping(_mapping(document, "ComponentConfiguration"), "DefaultConfiguration"),
        artifacts=artifacts,
        digests={
            entry["Uri"]: entry["Digest"] for entry in manifest.get("Artifacts") or [] if "Digest" in entry
        },
        steps=_steps(lifecycle),
        document=document,
    )


def _load(content: bytes | str) -> Document:
    try:
        document = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadRecipe(f"neither JSON nor YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict):
        raise BadRecipe("the recipe is not a mapping")
    return document


def _known_keys(mapping: Mapping[str, object], known: set[str], where: str) -> None:
    """Nucleus lite compares keys by case, and AWS takes unknown ones silently: refuse them here."""
    if unknown := sorted(str(key) for key in mapping if key not in known):
        raise BadRecipe(f"{where}: {', '.join(unknown)}: not served; known are {', '.join(sorted(known))}")


def _mapping(parent: Mapping[str, Any], key: str) -> Document:
    value = parent.get(key) or {}
    if not isinstance(value, dict):
        raise BadRecipe(f"{key}: {value!r} is not a mapping")
    return value


def _sequence(parent: Mapping[str, Any], key: str) -> list[Any]:
    value = parent.get(key) or []
    if not isinstance(value, list):
        raise BadRecipe(f"{key}: {value!r} is not a list")
    return value


def _version(document: Document) -> Version:
    try:
        return Version.parse(str(document.get("ComponentVersion")))
    except BadVersion as error:
        raise BadRecipe(f"ComponentVersion: {error}") from error


def _dependencies(document: Document) -> dict[str, Dependency]:
    found = {}
    for name, entry in _mapping(document, "ComponentDependencies").items():
        where = f"ComponentDependencies: {name}"
        if not isinstance(entry, dict) or "VersionRequirement" not in entry:
            raise BadRecipe(f"{where}: VersionRequirement is missing")
        kind = str(entry.get("DependencyType", "HARD"))
        if kind.upper() not in ("HARD", "SOFT"):
            raise BadRecipe(f"{where}: DependencyType: {kind!r} is neither HARD nor SOFT")
        try:
            found[name] = Dependency(
                Requirement.parse(str(entry["VersionRequirement"])), kind.upper() == "HARD"
            )
        except BadVersion as error:
            raise BadRecipe(f"{where}: {error}") from error
    return found


def _manifest(document: Document) -> Document:
    """Return the first manifest for Linux that both nuclei would take."""
    manifests = _sequence(document, "Manifests")
    if not manifests:
        raise BadRecipe("Manifests: at least one is needed")
    for manifest in manifests:
        if not isinstance(manifest, dict):
            raise BadRecipe("Manifests: an entry is not a mapping")
        _known_keys(manifest, _MANIFEST, "Manifests")
        platform = _mapping(manifest, "Platform")
        if platform.get("os", "*") in ("linux", "*", "all") and platform.get("runtime") in (
            "*",
            "aws_nucleus_lite",
        ):
            return manifest
    raise BadRecipe("Manifests: none has os linux (or none) and runtime '*', which nucleus lite needs")


def _artifact(entry: Any) -> Artifact:
    if not isinstance(entry, dict):
        raise BadRecipe(f"Artifacts: {entry!r} is not a mapping")
    _known_keys(entry, _ARTIFACT, "Artifacts")
    uri = str(entry.get("Uri"))
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket or not key:
        raise BadRecipe(f"Artifacts: Uri: {uri!r} is not s3://bucket/key")
    unarchive = str(entry.get("Unarchive", "NONE")).upper()
    if unarchive not in ("NONE", "ZIP"):
        raise BadRecipe(f"Artifacts: {uri}: Unarchive: {unarchive!r} is neither NONE nor ZIP")
    return Artifact(bucket, key, unarchive == "ZIP")


def _steps(lifecycle: Document) -> dict[str, Step]:
    _known_keys(lifecycle, _STEPS, "Lifecycle")
    common = lifecycle.get("Setenv") or lifecycle.get("setenv") or {}
    return {
        name: _step(name, entry, common)
        for name, entry in lifecycle.items()
        if name in ("install", "startup", "run", "shutdown")
    }


def _step(name: str, entry: Any, common: Mapping[str, object]) -> Step:
    step = {"Script": entry} if isinstance(entry, str) else entry
    if not isinstance(step, dict) or not isinstance(step.get("Script"), str):
        raise BadRecipe(f"Lifecycle: {name}: Script is missing")
    _known_keys(step, _STEP, f"Lifecycle: {name}")
    if str(step.get("RequiresPrivilege", "false")).lower() == "true":
        raise BadRecipe(f"Lifecycle: {name}: RequiresPrivilege: not served, nothing runs as root here")
    if "Skipif" in step:
        raise BadRecipe(f"Lifecycle: {name}: Skipif: not served by the local nucleus")
    environment = {key: str(value) for key, value in {**common, **(step.get("Setenv") or {})}.items()}
    return Step(step["Script"], float(step.get("Timeout", 120)), environment)


def with_digests(recipe: Recipe, digests: Mapping[str, str]) -> Recipe:
    """Return the recipe with the SHA-256 (base64) of each artifact, as AWS adds them."""
    document: Document = json.loads(json.dumps(recipe.document))
    for manifest in document["Manifests"]:
        for artifact in manifest.get("Artifacts") or []:
            if artifact["Uri"] in digests:
                artifact.update(Digest=digests[artifact["Uri"]], Algorithm="SHA-256")
    return parse_recipe(json.dumps(document))


def render(text: str, variables: Mapping[str, str], configuration: Document) -> str:
    """Fill in `{iot:thingName}`, `{work:path}`, `{artifacts:…}` and `{configuration:/…}`.

    Any other brace is refused: nucleus lite takes every `{` for the start of a variable. Raises BadRecipe.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name.startswith("configuration:/"):
            found = at_pointer(configuration, name.removeprefix("configuration:"))
            return found if isinstance(found, str) else json.dumps(found)
        if name not in variables:
            raise BadRecipe(f"{{{name}}} is not a variable that both nuclei know")
        return variables[name]

    if stray := re.search(r"[{}]", _VARIABLE.sub("", text)):
        raise BadRecipe(
            f"a brace outside a variable ({stray[0]!r}) in {text!r}: nucleus lite does not take it"
        )
    return _VARIABLE.sub(value, text)


def at_pointer(configuration: Document, pointer: str) -> Any:
    """Return what lies at a JSON pointer. Raises BadRecipe if nothing does."""
    value: Any = configuration
    for key in [part for part in pointer.split("/") if part]:
        if not isinstance(value, dict) or key not in value:
            raise BadRecipe(f"{{configuration:{pointer}}}: the configuration has no such value")
        value = value[key]
    return value


def merge(base: Document, change: Document) -> Document:
    """Return `base` with `change` laid over it, mapping by mapping; lists are replaced."""
    merged = dict(base)
    for key, value in change.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def reset(current: Document, defaults: Document, pointers: list[str]) -> Document:
    """Return `current` with the values at `pointers` as they are by default; "" is all of it."""
    for pointer in pointers:
        keys = [part for part in pointer.split("/") if part]
        if not keys:
            current = dict(defaults)
            continue
        current = _reset_one(current, defaults, keys)
    return current


def _reset_one(current: Document, defaults: Document, keys: list[str]) -> Document:
    changed, key = dict(current), keys[0]
    default = defaults.get(key)
    if len(keys) > 1:
        below = changed.get(key) if isinstance(changed.get(key), dict) else {}
        changed[key] = _reset_one(below or {}, default if isinstance(default, dict) else {}, keys[1:])
    elif key in defaults:
        changed[key] = default
    else:
        changed.pop(key, None)
    return changed
