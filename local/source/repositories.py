"""The repositories that code is pushed to, and who is told when it is.

Three kinds, as `delivery.source` of edgeline.toml has them: "codecommit" by name, "connection" (the provider
behind a CodeConnections connection) by OWNER/NAME, "s3" by the bucket that the pusher uploads source.zip to.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from local.source import git
from local.source.git import Commit

Kind = Literal["codecommit", "connection", "s3"]
KINDS: tuple[Kind, ...] = ("codecommit", "connection", "s3")
ROOT = Path(__file__).parents[2]
_HOOK = """#!/bin/sh
PYTHONPATH={root} exec {python} -m local.source.hook {hook} {kind} {repository} {folder}
"""


@dataclass(frozen=True)
class Push:
    """One branch that was pushed; `old` is None for a new branch, `new` for one that was deleted."""

    kind: Kind
    repository: str
    branch: str
    old: str | None
    new: str | None
    changed_paths: tuple[str, ...]


class Repositories:
    """Bare repositories under one folder; `listeners` are told of each push, on a thread of the receiver."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: set[tuple[str, str]] = set()
        self.listeners: list[Callable[[Push], None]] = []
        self._empty_what_is_left()

    def create(self, kind: Kind, name: str) -> Path:
        """Make an empty repository, or take the one that is there; return where git finds it."""
        folder = self.path(kind, name)
        if (kind, name) not in self._made:
            self._initialize(folder, kind, name)
            self._made.add((kind, name))
        return folder

    def delete(self, kind: Kind, name: str) -> None:
        """Remove a repository with all that was pushed to it; one that is gone already is no error."""
        self._made.discard((kind, name))
        shutil.rmtree(self.path(kind, name), ignore_errors=True)

    def exists(self, kind: Kind, name: str) -> bool:
        """Tell whether this cloud has made the repository."""
        return (kind, name) in self._made

    def path(self, kind: Kind, name: str) -> Path:
        """Return where git finds the repository, whether it is there or not."""
        return self._folder / kind / f"{name}.git"

    def head(self, kind: Kind, name: str, branch: str) -> Commit | None:
        """Return the last commit of a branch; None when the repository or the branch is not there."""
        return self.commit(kind, name, f"refs/heads/{branch}")

    def commit(self, kind: Kind, name: str, commit_id: str) -> Commit | None:
        """Return a commit of a repository; None when there is none of that id."""
        if not self.exists(kind, name):
            return None
        found = git.resolve(self.path(kind, name), commit_id)
        return git.commit(self.path(kind, name), found) if found else None

    def archive(self, kind: Kind, name: str, commit_id: str) -> bytes:
        """Return a commit's files as a zip, with their modes: what a source action puts into its artifact.

        GitError when there is no such commit.
        """
        return git.archive(self.path(kind, name), commit_id)

    def changed_paths(self, kind: Kind, name: str, old: str | None, new: str) -> tuple[str, ...]:
        """Return the paths of the files that are not the same in two commits."""
        found = git.differences(self.path(kind, name), old, new)
        return tuple((one.after or one.before).path for one in found)  # type: ignore[union-attr]  # one of them

    def pushed(self, push: Push) -> None:
        """Tell the listeners."""
        for listener in self.listeners:
            listener(push)

    def _initialize(self, folder: Path, kind: str, name: str) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        git.initialize(folder)
        hooks = folder / "hooks"
        hooks.mkdir()
        for hook in ("pre-receive", "post-receive"):
            words = {"hook": hook, "kind": kind, "repository": name, "folder": str(self._folder)}
            words |= {"root": str(ROOT), "python": sys.executable}
            (hooks / hook).write_text(_HOOK.format(**{k: shlex.quote(v) for k, v in words.items()}))
            (hooks / hook).chmod(0o755)

    def _empty_what_is_left(self) -> None:
        """Empty the repositories of a cloud that is gone; their hooks say what to do about it."""
        for kind in KINDS:
            for folder in sorted((self._folder / kind).glob("**/*.git")):
                name = str(folder.relative_to(self._folder / kind)).removesuffix(".git")
                self._initialize(folder, kind, name)
