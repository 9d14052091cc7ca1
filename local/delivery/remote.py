"""The git side of a push: the working tree that it is from, and the remote `local` that it goes to."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from config_delivery import Delivery
from local.delivery.errors import DeliveryError
from local.delivery.serving import Serving
from local.source.asking import ask
from local.source.folder import ADDRESS, read
from local.source.hook import QUIET

NAME = "local"


class WorkingTree:
    """The clone that this package is in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if self._run("rev-parse", "--show-toplevel", check=False).returncode:
            raise DeliveryError(f"{folder} is no git repository: there is nothing to push")

    def head(self, branch: str | None) -> str:
        """Return the commit that is to be pushed: the last of a branch, or what is checked out."""
        found = self._run("rev-parse", "--quiet", "--verify", f"{branch or 'HEAD'}^{{commit}}", check=False)
        if found.returncode:
            raise DeliveryError(f"{branch or 'HEAD'}: nothing is committed there")
        return found.stdout.strip()

    def subject(self, commit: str) -> str:
        """Return the first line of a commit's message."""
        return self._run("log", "-1", "--format=%s", commit).stdout.strip()

    def uncommitted(self) -> list[str]:
        """Return the files that are changed or new, and in no commit."""
        return [line[3:] for line in self._run("status", "--porcelain").stdout.splitlines()]

    def set_remote(self, address: str) -> None:
        """Let the remote `local` be at `address`."""
        known = self._run("remote", "get-url", NAME, check=False)
        if known.returncode:
            self._run("remote", "add", NAME, address)
        elif known.stdout.strip() != address:
            self._run("remote", "set-url", NAME, address)

    def remote_head(self, branch: str) -> str | None:
        """Return the commit that a branch of the remote is at; None when it has none yet."""
        found = self._run("ls-remote", NAME, f"refs/heads/{branch}").stdout.split()
        return found[0] if found else None

    def changed(self, old: str, new: str) -> list[str]:
        """Return the paths of the files that are not the same in two commits."""
        return self._run("diff", "--name-only", "--no-renames", old, new).stdout.splitlines()

    def push(self, commit: str, branch: str) -> None:
        """Push a commit to a branch of the remote; DeliveryError with what the remote said."""
        pushed = self._run("push", NAME, f"{commit}:refs/heads/{branch}", check=False)
        if pushed.returncode:
            raise DeliveryError(f"git push {NAME} {branch}:\n{pushed.stderr.strip()}")

    def _run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["git", *arguments], cwd=self._folder, env={**os.environ, QUIET: "1"}, capture_output=True,
            text=True, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        if check and done.returncode:
            raise DeliveryError(f"git {arguments[0]}: {done.stderr.strip()}")
        return done


def remote_address(serving: Serving, delivery: Delivery, outputs: dict[str, str]) -> str:
    """Return where git finds the repository that delivery takes the code from; make what no template makes.

    Behind a connection that is the provider's repository, and the authorisation of the connection, which
    a person gives once.
    """
    name = outputs.get("SourceRepository") or outputs["SourceBucket"]
    asked = {"kind": delivery.source, "repository": name, "connection": delivery.connection_arn}
    found = ask(read(serving.source / ADDRESS), serving.root, "remote", asked)
    return str(found["path"])
