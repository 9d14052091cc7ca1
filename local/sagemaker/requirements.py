"""Whether this environment satisfies a requirements file."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement


def unsatisfied(path: Path) -> list[str]:
    """Name the lines of a requirements file that this environment does not meet, with what it has instead.

    A line that is not a plain requirement (an option, an address) is named as not understood.
    """
    if not path.exists():
        return []
    lines = (line.split(" #")[0].strip() for line in path.read_text().splitlines())
    return [fault for line in lines if line and not line.startswith("#") if (fault := _fault(line))]


def _fault(line: str) -> str | None:
    try:
        requirement = Requirement(line.split(" --hash")[0].rstrip("\\ "))
    except InvalidRequirement:
        return f"{line} (not a plain requirement)"
    if requirement.marker and not requirement.marker.evaluate():
        return None
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        return f"{line} (not installed)"
    if requirement.specifier.contains(installed, prereleases=True):
        return None
    return f"{line} (installed: {installed})"
