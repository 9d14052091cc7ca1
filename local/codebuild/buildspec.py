"""The buildspec, version 0.2: read, checked, and refused by name where this machine cannot run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

PHASES = ("install", "pre_build", "build", "post_build")
_SHELLS = {"bash": "bash", "/bin/bash": "bash", "sh": "sh", "/bin/sh": "sh"}
_YES = {"yes": True, "true": True, "no": False, "false": False}
_NOT_HERE = {
    "run-as": "every command runs as the user who runs the local cloud",
    "proxy": "no explicit proxy server is emulated",
    "batch": "batch builds are not served by the local cloud",
}


class BuildspecError(Exception):
    """The buildspec is not one that CodeBuild takes, or not one that can run here; says what and where."""


@dataclass(frozen=True)
class Phase:
    """The commands of one phase; `on_failure` is ABORT, CONTINUE or empty: the usual transitions."""

    commands: tuple[str, ...] = ()
    always: tuple[str, ...] = ()  # `finally`
    on_failure: str = ""
    runtimes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Files:
    """Which files of the build are taken, and how they are named; of `artifacts` and of `reports`."""

    files: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    base_directory: str = "."
    discard_paths: bool = False
    name: str = ""


@dataclass(frozen=True)
class Buildspec:
    """A build: its variables, phases, artifacts and reports.

    `parameters` and `secrets` are references by the name of the variable that gets the value.
    """

    phases: Mapping[str, Phase]
    shell: str = "bash"
    variables: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    exported: tuple[str, ...] = ()
    artifacts: Files | None = None
    secondary_artifacts: Mapping[str, Files] = field(default_factory=dict)
    reports: Mapping[str, Files] = field(default_factory=dict)


def parse(text: str) -> Buildspec:
    """Read a buildspec in YAML or JSON; raises BuildspecError, which names the key or phase."""
    try:
        document = yaml.load(text, _Strings)  # noqa: S506 - a loader that makes text of every scalar
    except yaml.YAMLError as error:
        raise BuildspecError(f"the buildspec is not YAML: {' '.join(str(error).split())}") from error
    root = _mapping(document, "the buildspec")
    _known(root, "the buildspec", {"version", "env", "phases", "reports", "artifacts", "cache", *_NOT_HERE})
    if root.get("version") != "0.2":
        raise BuildspecError(f"version: {root.get('version')!r} is not '0.2', the one that runs here")
    if "phases" not in root:
        raise BuildspecError("the buildspec has no phases")
    env = _mapping(root.get("env", {}), "env")
    _known(env, "env", {
        "shell", "variables", "parameter-store", "secrets-manager", "exported-variables",
        "git-credential-helper",
    })  # fmt: skip
    if _flag(env, "git-credential-helper", "env"):
        raise BuildspecError("env.git-credential-helper: there are no Git credentials to help with here")
    _check_cache(root)
    artifacts, secondary = _artifacts(root)
    return Buildspec(
        phases=_phases(root["phases"]),
        shell=_shell(env.get("shell", "bash")),
        variables=_texts(env.get("variables", {}), "env.variables"),
        parameters=_texts(env.get("parameter-store", {}), "env.parameter-store"),
        secrets=_texts(env.get("secrets-manager", {}), "env.secrets-manager"),
        exported=_exported(env),
        artifacts=artifacts,
        secondary_artifacts=secondary,
        reports=_reports(root.get("reports", {})),
    )


class _Strings(yaml.SafeLoader):
    """Reads every scalar as text, as it stands, and refuses a key that comes twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Make a mapping; yaml.YAMLError for a key that it has already."""
        self.flatten_mapping(node)
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} comes twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _as_written(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


for _tag in ("bool", "int", "float", "timestamp", "null"):
    _Strings.add_constructor(f"tag:yaml.org,2002:{_tag}", _as_written)


def _phases(value: Any) -> dict[str, Phase]:
    phases = _mapping(value, "phases")
    _known(phases, "phases", set(PHASES))
    return {name: _phase(name, phases[name]) for name in PHASES if name in phases}


def _phase(name: str, value: Any) -> Phase:
    where = f"phases.{name}"
    phase = _mapping(value, where)
    allowed = {"commands", "finally", "on-failure", "run-as"}
    _known(phase, where, allowed | {"runtime-versions"} if name == "install" else allowed)
    if "commands" not in phase and "runtime-versions" not in phase:
        raise BuildspecError(f"{where} has no commands")
    on_failure = str(phase.get("on-failure", ""))
    if on_failure.startswith("RETRY"):
        raise BuildspecError(f"{where}.on-failure: {on_failure} is not run by the local cloud")
    if on_failure not in ("", "ABORT", "CONTINUE"):
        raise BuildspecError(f"{where}.on-failure: {on_failure!r} is neither ABORT nor CONTINUE")
    return Phase(
        commands=_list(phase.get("commands", []), f"{where}.commands"),
        always=_list(phase.get("finally", []), f"{where}.finally"),
        on_failure=on_failure,
        runtimes=_texts(phase.get("runtime-versions", {}), f"{where}.runtime-versions"),
    )


def _artifacts(root: Mapping[str, Any]) -> tuple[Files | None, dict[str, Files]]:
    value = _mapping(root.get("artifacts", {}), "artifacts")
    secondary = _mapping(value.get("secondary-artifacts", {}), "artifacts.secondary-artifacts")
    several = {
        name: _files(item, f"artifacts.secondary-artifacts.{name}", named=True)
        for name, item in secondary.items()
    }
    own = {key: item for key, item in value.items() if key != "secondary-artifacts"}
    # Where secondary artifacts are all that there is, the primary one is none.
    return (_files(own, "artifacts", named=True) if own else None), several


def _reports(value: Any) -> dict[str, Files]:
    reports = {}
    for name, item in _mapping(value, "reports").items():
        where = f"reports.{name}"
        kept = dict(_mapping(item, where))
        form = str(kept.pop("file-format", "JUNITXML"))
        if form.upper() != "JUNITXML":
            raise BuildspecError(f"{where}.file-format: {form} is not read by the local cloud: only JUNITXML")
        reports[name] = _files(kept, where, named=False)
    if len(reports) > 5:
        raise BuildspecError(f"reports: {len(reports)} report groups, at most 5 allowed")
    return reports


def _files(value: Any, where: str, *, named: bool) -> Files:
    item = _mapping(value, where)
    allowed = {"files", "base-directory", "discard-paths"}
    allowed |= {"name", "exclude-paths", "enable-symlinks", "s3-prefix"} if named else set()
    _known(item, where, allowed)
    for key in ("enable-symlinks", "s3-prefix"):
        if key in item and item[key] not in ("no", "false"):
            raise BuildspecError(f"{where}.{key} is not done by the local cloud")
    patterns = item.get("files", [])  # CDK writes a single pattern as text
    files = _list([patterns] if isinstance(patterns, str) else patterns, f"{where}.files")
    if not files:
        raise BuildspecError(f"{where} has no files")
    return Files(
        files=files,
        exclude=_list(item.get("exclude-paths", []), f"{where}.exclude-paths"),
        base_directory=_text(item.get("base-directory", "."), f"{where}.base-directory"),
        discard_paths=_flag(item, "discard-paths", where),
        name=_text(item.get("name", ""), f"{where}.name"),
    )


def _exported(env: Mapping[str, Any]) -> tuple[str, ...]:
    names = _list(env.get("exported-variables", []), "env.exported-variables")
    for name in names:
        if name.startswith("AWS_"):
            raise BuildspecError(f"env.exported-variables: {name}: a name with AWS_ cannot be exported")
        if name in env.get("parameter-store", {}) or name in env.get("secrets-manager", {}):
            raise BuildspecError(f"env.exported-variables: {name} holds a secret and cannot be exported")
    return names


def _check_cache(root: Mapping[str, Any]) -> None:
    cache = _mapping(root.get("cache", {}), "cache")
    _known(cache, "cache", {"paths", "key", "fallback-keys", "action"})


def _shell(value: Any) -> str:
    name = _text(value, "env.shell")
    if name not in _SHELLS:
        raise BuildspecError(f"env.shell: {name} is not run by the local cloud: only bash and /bin/sh")
    return _SHELLS[name]


def _known(value: Mapping[str, Any], where: str, allowed: set[str]) -> None:
    for key in value:
        if key in _NOT_HERE and key in allowed:
            raise BuildspecError(f"{where}: {key} is not done by the local cloud: {_NOT_HERE[key]}")
        if key not in allowed:
            options = ", ".join(sorted(allowed - set(_NOT_HERE)))
            raise BuildspecError(f"{where}: {key!r} is unknown; it may have {options}")


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BuildspecError(f"{where} is no mapping")
    return value


def _list(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise BuildspecError(f"{where} is no list")
    return tuple(_text(item, f"{where}[{index}]") for index, item in enumerate(value))


def _texts(value: Any, where: str) -> dict[str, str]:
    return {str(key): _text(item, f"{where}.{key}") for key, item in _mapping(value, where).items()}


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise BuildspecError(f"{where} is no text: put it in quotation marks if it has a colon")
    return value


def _flag(value: Mapping[str, Any], key: str, where: str) -> bool:
    text = value.get(key, "no")
    if text not in _YES:
        raise BuildspecError(f"{where}.{key}: {text!r} is neither yes nor no")
    return _YES[text]
