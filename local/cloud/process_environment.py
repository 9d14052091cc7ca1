"""The environment of this process, which the emulator's settings take the place of while it serves."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable


class ProcessEnvironment:
    """Variables as they were before, to be put back."""

    def __init__(self) -> None:
        self._before: dict[str, str | None] = {}

    def keep(self, names: Iterable[str]) -> None:
        """Remember these variables; take away what would make AWS's tools somebody else."""
        self._before = {name: os.environ.get(name) for name in names}
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            self._before[name] = os.environ.pop(name, None)

    def restore(self) -> None:
        """Put everything back, the folder for temporary files too."""
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        tempfile.tempdir = None
