"""The folder of one job that stands for its container's /opt/ml."""

from __future__ import annotations

import re
from pathlib import Path

_OPT_ML = re.compile(r"/opt/ml(?![\w.-])")


class ContainerFolder:
    """Leads the container's paths under /opt/ml to a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, container_path: str) -> Path:
        """Give the place of a container's path; ValueError if it is not under /opt/ml."""
        relative = container_path.removeprefix("/opt/ml")
        if relative == container_path or not relative.startswith("/") or ".." in Path(relative).parts:
            raise ValueError(f"{container_path!r} is not under /opt/ml/, the only folder served locally")
        return self.root / relative.strip("/")

    def make(self, container_path: str) -> Path:
        """Make the folder that stands for a container's path."""
        path = self.path(container_path)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def rewrite(self, text: str) -> str:
        """Lead every /opt/ml in an argument or an environment's value to the folder."""
        return _OPT_ML.sub(lambda _: str(self.root), text)
