"""The build specification of CodeBuild, version 0.2, as its reference describes it."""

from typing import Any

from checks.shapes import Anything, Flag, Keys, Many, Named, Shape, Text

_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
_RUNTIMES = ("android", "dotnet", "golang", "java", "nodejs", "php", "python", "ruby")
_REPORT_FORMATS = (
    "CUCUMBERJSON", "JUNITXML", "NUNITXML", "NUNIT3XML", "TESTNGXML", "VISUALSTUDIOTRX", "CLOVERXML",
    "COBERTURAXML", "JACOCOXML", "SIMPLECOV",
)  # fmt: skip


class _Version:
    """0.2; YAML gives a number where it stands without quotes."""

    def problems(self, value: Any, path: str) -> Any:
        return Text(among=("0.2",)).problems(str(value), path)


class _RuntimeVersion:
    """`3.12` without quotes is a number, and 3.10 would be 3.1: quotes are asked for where that happens."""

    def problems(self, value: Any, path: str) -> Any:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return iter(()) if whole else Text().problems(value, path)


_PHASE: dict[str, Shape] = {
    "run-as": Text(),
    "on-failure": Text(r"ABORT|CONTINUE|RETRY(-\d+)?(-.+)?", meaning="ABORT, CONTINUE or RETRY"),
    "commands": Many(Text()),
    "finally": Many(Text()),
}
_ORDINARY_PHASE = Keys(_PHASE, needed=("commands",))
# AWS's own examples have an install phase that only chooses the runtimes.
_INSTALL = Keys({**_PHASE, "runtime-versions": Named(_RuntimeVersion(), "|".join(_RUNTIMES))})


_ENV = Keys(
    {
        "shell": Text(among=("bash", "/bin/sh", "powershell.exe")),
        "variables": Named(Text(may_be_empty=True), _VARIABLE),
        "parameter-store": Named(Text(), _VARIABLE),
        "secrets-manager": Named(Text(), _VARIABLE),
        "exported-variables": Many(Text(_VARIABLE, meaning="the name of a variable")),
        "git-credential-helper": Flag(),
    }
)
_FILES: dict[str, Shape] = {
    "files": Many(Text()),
    "name": Text(),
    "base-directory": Text(),
    "discard-paths": Flag(),
    "exclude-paths": Many(Text()),
    "enable-symlinks": Flag(),
    "s3-prefix": Text(),
}
_REPORT = Keys(
    {
        "files": Many(Text()),
        "base-directory": Text(),
        "discard-paths": Flag(),
        "file-format": Text(among=_REPORT_FORMATS),
    },
    needed=("files",),
)
_CACHE = Keys(
    {
        "paths": Many(Text()),
        "key": Text(),
        "fallback-keys": Many(Text()),
        "action": Text(among=("save", "restore")),
    }
)
_ARTIFACTS = Keys(
    {**_FILES, "secondary-artifacts": Named(Keys(_FILES, needed=("files",)), r"[A-Za-z0-9_]{1,127}")},
)

BUILDSPEC = Keys(
    {
        "version": _Version(),
        "run-as": Text(),
        "env": _ENV,
        "proxy": Keys({"upload-artifacts": Flag(), "logs": Flag()}),
        "batch": Anything(),
        "phases": Keys(
            {
                "install": _INSTALL,
                "pre_build": _ORDINARY_PHASE,
                "build": _ORDINARY_PHASE,
                "post_build": _ORDINARY_PHASE,
            }
        ),
        "reports": Named(_REPORT),
        "artifacts": _ARTIFACTS,
        "cache": _CACHE,
    },
    needed=("version", "phases"),
)
