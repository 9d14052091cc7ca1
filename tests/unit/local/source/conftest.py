from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ME = {
    "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_AUTHOR_DATE": "1700000000 +0100",
    "GIT_COMMITTER_NAME": "Ben", "GIT_COMMITTER_EMAIL": "ben@example.com",
    "GIT_COMMITTER_DATE": "1700000060 +0000", "GIT_CONFIG_GLOBAL": os.devnull,
}  # fmt: skip


@pytest.fixture
def git(tmp_path: Path) -> Callable[..., str]:
    """Run git in a new working tree, as a person with a name."""
    tree = tmp_path / "tree"
    tree.mkdir()

    def run(*arguments: str, **environment: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=tree, env={**os.environ, **ME, **environment}, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise AssertionError(done.stdout + done.stderr)
        return (done.stdout or done.stderr).strip()

    run("init", "--quiet", "--initial-branch=main")
    return run


@pytest.fixture
def commit(git: Callable[..., str], tmp_path: Path) -> Callable[..., str]:
    """Commit files, given as path -> content (None removes one); return the commit's id."""

    def make(files: dict[str, str | None], message: str = "A change") -> str:
        for name, content in files.items():
            path = tmp_path / "tree" / name
            if content is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
        git("add", "--all")
        git("commit", "--quiet", "--message", message)
        return git("rev-parse", "HEAD")

    return make
