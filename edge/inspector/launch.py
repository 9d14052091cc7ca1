"""What the recipe calls: `install` makes the pinned packages available, `run` starts the inspector with them.

Runs on a bare python3. Nothing is fetched where this python3 has the pinned packages already.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
ARTIFACT_ROOT = Path(__file__).resolve().parents[2]


def missing_requirements(requirements: str) -> list[str]:
    """Return the `name==version` lines that this interpreter does not have."""
    lines = [line.strip() for line in requirements.splitlines() if line.strip() and not line.startswith("#")]
    return [line for line in lines if _installed_version(line.split("==")[0]) != line.split("==")[1]]


def _installed_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def environment_python(work: Path) -> Path:
    """Return the python of the environment for these requirements; another version has another one."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    return work / f"python-{digest}" / "bin" / "python"


def install(work: Path) -> None:
    """Make the pinned packages importable. Raises CalledProcessError when they cannot be fetched."""
    missing = missing_requirements(REQUIREMENTS.read_text())
    if not missing:
        print("every pinned package is installed already", flush=True)
        return
    print(f"installing: {', '.join(missing)} are missing", flush=True)
    python = environment_python(work)
    venv.create(python.parents[1], with_pip=True)
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    subprocess.run([*pip, "-r", str(REQUIREMENTS)], check=True)


def run(work: Path, arguments: Sequence[str]) -> None:
    """Become the inspector; does not return."""
    python = environment_python(work)
    interpreter = str(python) if python.exists() else sys.executable
    os.environ["PYTHONPATH"] = str(ARTIFACT_ROOT)
    os.chdir(work)
    os.execv(interpreter, [interpreter, "-m", "edge.inspector.main", "--work", str(work), *arguments])  # noqa: S606


def main(arguments: Sequence[str] | None = None) -> None:
    """`launch.py install|run --work DIR …`; what follows `run` goes to the inspector."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["install", "run"])
    parser.add_argument("--work", type=Path, required=True)
    known, rest = parser.parse_known_args(arguments)
    if known.command == "install":
        install(known.work)
    else:
        run(known.work, rest)


if __name__ == "__main__":
    main()
