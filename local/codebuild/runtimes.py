"""`runtime-versions`: what a build asks for, and what this machine has instead of the image's."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping

from local.codebuild.phase_error import PhaseError

FLOOR = (3, 11)  # of Python, as in pyproject.toml


def check(runtimes: Mapping[str, str], variables: Mapping[str, str], path: str) -> list[str]:
    """Return a line for the log about each runtime; raises PhaseError for one that is not here."""
    lines = []
    for runtime, asked in runtimes.items():
        version = variables.get(asked.removeprefix("$"), asked) if asked.startswith("$") else asked
        if runtime == "python":
            lines.append(_python(version))
        elif runtime == "nodejs":
            lines.append(_node(version, path))
        else:
            raise PhaseError("YAML_FILE_ERROR", f"runtime-versions: {runtime} is not on this machine")
    return lines


def _python(version: str) -> str:
    found = re.fullmatch(r"(3)(?:\.(\d+|x))?(?:\.\d+)?", version)
    minor = found[2] if found else None
    if version != "latest" and not found:
        raise PhaseError("YAML_FILE_ERROR", f"runtime-versions: python {version} is not known")
    if minor and minor.isdigit() and (3, int(minor)) < FLOOR:
        floor = ".".join(map(str, FLOOR))
        raise PhaseError("YAML_FILE_ERROR", f"runtime-versions: python {version} is below {floor}")
    here = ".".join(map(str, sys.version_info[:3]))
    return f"Python {version} is asked for; the build runs on this machine's, {here}"


def _node(version: str, path: str) -> str:
    node = shutil.which("node", path=path)
    if node is None:
        raise PhaseError("YAML_FILE_ERROR", f"runtime-versions: nodejs {version} is not on this machine")
    return f"Node.js {version} is asked for; the build runs on this machine's, {node}"
