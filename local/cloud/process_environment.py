"""The environment of this process, which the emulator's settings take the place of while it serves."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

ROOT_SECRET = "local"  # noqa: S105 - root's signature is not checked


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


def emulator_variables(*, port: int, account: str, region: str, state_dir: Path) -> dict[str, str]:
    """Return the variables that ministack reads, most of them once, when it is imported."""
    return {
        "ATHENA_ENGINE": "duckdb",
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": account,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_REGION": region,
        "AWS_SECRET_ACCESS_KEY": ROOT_SECRET,
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "ERROR",
        "MINISTACK_ACCOUNT_ID": account,
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": region,
        "S3_DATA_DIR": str(state_dir / "s3"),
        "S3_PERSIST": "0",
        "SFTP_ENABLED": "0",
        "TMPDIR": str(state_dir / "tmp"),
    }


def fresh_folders(state_dir: Path) -> None:
    """Make the folders that ministack keeps objects and temporary files in, empty."""
    for name in ("s3", "tmp"):
        shutil.rmtree(state_dir / name, ignore_errors=True)
        (state_dir / name).mkdir(parents=True)
