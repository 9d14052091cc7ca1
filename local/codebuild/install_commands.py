"""Which commands only install packages, so that what they made can be kept from one build to another."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

# Whatever a shell would do more with than start a program: its result may depend on more than the command.
_SHELL = re.compile(r"[;&|<>$`()\n*?{}\\#!~]")
_PIP_ELSEWHERE = ("-e", "--editable", "-t", "--target", "--prefix", "--root", "--user", "--src", "--dry-run")
_REQUIREMENTS = re.compile(r"requirements[^/]*\.txt")


def is_install(command: str) -> bool:
    """Tell whether a command installs packages, by pip or npm, and the environment's name says which.

    Requirements that its name does not come from, folders, and what a shell would expand make it none.
    """
    words = _words(command)
    if (pip := _after(words, ("pip", "pip3"))) is not None:
        return pip[:1] == ["install"] and _pip_into_environment(pip[1:])
    if words[:1] == ["npm"] and words[1:2] in (["ci"], ["install"], ["i"]):
        packages = [word for word in words[2:] if not word.startswith("-")]
        return not any(word.startswith((".", "/", "file:")) for word in packages)
    return False


def fills_node_modules(command: str) -> bool:
    """Tell whether an installing command puts its packages beside a package.json."""
    words = _words(command)
    return words[:1] == ["npm"] and not {"-g", "--global"} & set(words)


def node_modules(command: str, folder: Path) -> Path:
    """Return the folder that an npm command run in `folder` fills."""
    words = _words(command)
    for index, word in enumerate(words):
        if word in ("--prefix", "-C") and index + 1 < len(words):
            return folder / words[index + 1] / "node_modules"
        if word.startswith("--prefix="):
            return folder / word.removeprefix("--prefix=") / "node_modules"
    return folder / "node_modules"


def _words(command: str) -> list[str]:
    if _SHELL.search(command.strip()):
        return []
    try:
        return shlex.split(command)
    except ValueError:
        return []


def _after(words: list[str], programs: tuple[str, ...]) -> list[str] | None:
    if words[:1] and words[0] in programs:
        return words[1:]
    if len(words) > 3 and words[0] in ("python", "python3") and words[1] == "-m" and words[2] in programs:
        return words[3:]
    return None


def _pip_into_environment(words: list[str]) -> bool:
    for index, word in enumerate(words):
        name, _, value = word.partition("=")
        if name in _PIP_ELSEWHERE or word.startswith((".", "/", "file:")) or word.endswith((".whl", "/")):
            return False
        if name in ("-r", "--requirement", "-c", "--constraint"):
            path = value if value else (words[index + 1] if index + 1 < len(words) else "")
            if not _REQUIREMENTS.fullmatch(path.rpartition("/")[2]):
                return False
    return True
