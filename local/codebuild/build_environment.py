"""Where a build's Python and Node packages lie: instead of CodeBuild's image, a folder kept between builds.

It is a Python environment, named by the source's requirements, that sees this interpreter's own packages as
well: what is installed there already costs nothing, and what is not goes into the folder and is kept.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sys
import sysconfig
import time
import venv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.codebuild import install_commands

FOLDER = "build-environments"
_NAMES_REQUIREMENTS = ("requirements*.txt", "package-lock.json")
_SKIPPED = {"node_modules", ".git", ".venv"}
_LOOK_EVERY_SECONDS = 0.2
_PIP = """#!{python}
import sys
from pip._internal.cli.main import main
sys.exit(main())
"""


@dataclass(frozen=True)
class BuildEnvironment:
    """One such folder; builds of several processes may use it at the same time."""

    folder: Path

    @classmethod
    def of(cls, source: Path, *, otherwise: Path) -> BuildEnvironment:
        """Return the environment for a source; under `otherwise` where ours cannot be written to."""
        root = Path(sys.prefix) if os.access(sys.prefix, os.W_OK) else otherwise
        found = cls(root / FOLDER / _key(source))
        found.folder.parent.mkdir(parents=True, exist_ok=True)
        with found.lock(lambda: None):
            if not (found.folder / "complete").exists():
                found._make()
        return found

    @property
    def variables(self) -> dict[str, str]:
        """What makes a command use it; PATH goes on with our interpreter's own programs."""
        own = [self.folder / "npm/bin", self.folder / "bin", Path(sys.executable).parent]
        return {
            "NPM_CONFIG_PREFIX": str(self.folder / "npm"),
            "PATH": os.pathsep.join([*map(str, own), os.environ.get("PATH", os.defpath)]),
            "VIRTUAL_ENV": str(self.folder),
        }

    @contextlib.contextmanager
    def lock(self, waiting: Callable[[], None]) -> Iterator[None]:
        """Be the only build that changes it; `waiting` is called now and then, and may raise."""
        with self.folder.with_suffix(".lock").open("w") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    waiting()
                    time.sleep(_LOOK_EVERY_SECONDS)
            yield

    def restore(self, command: str, folder: Path, source: Path) -> bool:
        """Tell whether this installing command has succeeded here before, and bring back what it made."""
        kept = self._kept(command, folder, source)
        if not (kept / "succeeded").exists():
            return False
        modules = kept / "node_modules"
        if modules.is_dir():
            target = install_commands.node_modules(command, folder)
            shutil.copytree(modules, target, symlinks=True, dirs_exist_ok=True)
        return True

    def keep(self, command: str, folder: Path, source: Path) -> None:
        """Remember that the command has succeeded, and keep what it made in the source."""
        kept = self._kept(command, folder, source)
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        modules = install_commands.node_modules(command, folder)
        if install_commands.fills_node_modules(command) and modules.is_dir():
            shutil.copytree(modules, kept / "node_modules", symlinks=True)
        (kept / "succeeded").write_text(json.dumps({"command": command, "at": time.time()}))

    def _kept(self, command: str, folder: Path, source: Path) -> Path:
        where = os.path.relpath(folder, source)
        return self.folder / "installed" / hashlib.sha256(f"{where}\n{command}".encode()).hexdigest()[:20]

    def _make(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        # Without a pip of its own, which takes seconds to make: it sees ours.
        venv.EnvBuilder(symlinks=True, with_pip=False).create(self.folder)
        paths = sysconfig.get_paths(vars={"base": str(self.folder), "platbase": str(self.folder)})
        lines = "".join(f"import site; site.addsitedir({path!r})\n" for path in _our_packages())
        (Path(paths["purelib"]) / "packages_of_the_local_cloud.pth").write_text(lines)
        for name in ("pip", "pip3"):
            script = self.folder / "bin" / name
            script.write_text(_PIP.format(python=self.folder / "bin/python"))
            script.chmod(0o755)
        (self.folder / "complete").touch()


def _key(source: Path) -> str:
    # Our own packages count: what they satisfied when the environment was made may be gone since.
    ours = sorted(path.name for place in _our_packages() for path in Path(place).glob("*.dist-info"))
    hashed = hashlib.sha256("\n".join([sys.version, sys.prefix, *ours]).encode())
    for path, content in sorted(_requirements(source).items()):
        hashed.update(f"{path}\n{content}\n".encode())
    return hashed.hexdigest()[:20]


def _our_packages() -> list[str]:
    return list(dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))))


def _requirements(source: Path) -> Mapping[str, str]:
    found = (path for pattern in _NAMES_REQUIREMENTS for path in source.rglob(pattern))
    return {
        path.relative_to(source).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
        if path.is_file() and not _SKIPPED & set(path.parts)
    }
