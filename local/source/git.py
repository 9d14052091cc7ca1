"""What is read of a bare git repository: commits, differences, archives."""

from __future__ import annotations

import io
import os
import subprocess
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NOTHING = "0" * 40  # what git gives for a reference that is not there, before or after a push
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_FIELDS = "%H%x00%T%x00%P%x00%an%x00%ae%x00%at %ad%x00%cn%x00%ce%x00%ct %cd%x00%B"


class GitError(Exception):
    """Git did not do what it was asked; the message is what it said."""


@dataclass(frozen=True)
class Person:
    """Who wrote or committed a commit; `date` is seconds since 1970 and the offset, as git keeps it."""

    name: str
    email: str
    date: str


@dataclass(frozen=True)
class Commit:
    """One commit."""

    id: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


@dataclass(frozen=True)
class File:
    """A file of a tree: its blob, its path, and its mode as git keeps it ("100755")."""

    blob: str
    path: str
    mode: str


@dataclass(frozen=True)
class Difference:
    """One file that is not the same in two commits; `kind` is A, M or D."""

    kind: str
    before: File | None
    after: File | None


def initialize(folder: Path) -> None:
    """Make an empty bare repository, whatever git's own configuration says."""
    folder.mkdir(parents=True, exist_ok=True)
    _run(folder, "init", "--quiet", "--bare", "--template=", "--initial-branch=main", ".")


def resolve(folder: Path, name: str) -> str | None:
    """Return the id of the commit that a branch or an id names; None when there is none."""
    try:
        return _run(folder, "rev-parse", "--quiet", "--verify", f"{name}^{{commit}}").decode().strip()
    except GitError:
        return None


def commit(folder: Path, commit_id: str) -> Commit:
    """Return a commit; GitError when there is none of that id."""
    text = _run(folder, "show", "--no-patch", "--date=format:%z", f"--format={_FIELDS}", commit_id, "--")
    found, tree, parents, name, email, date, committer, mail, committed, message = text.decode(
        errors="replace"
    ).split("\0")
    return Commit(
        found, tree, tuple(parents.split()), Person(name, email, date),
        Person(committer, mail, committed), message.rstrip("\n") + "\n",
    )  # fmt: skip


def branches(folder: Path) -> list[str]:
    """Return the names of the branches."""
    return _run(folder, "for-each-ref", "--format=%(refname:short)", "refs/heads").decode().split()


def differences(folder: Path, old: str | None, new: str) -> list[Difference]:
    """Return what is not the same in `new` as in `old`, by path; None stands for an empty tree."""
    text = _run(
        folder, "diff-tree", "-r", "-z", "--no-renames", "--no-commit-id", old or _EMPTY_TREE, new, "--"
    ).decode()
    fields = iter(text.split("\0"))
    return [_difference(head, next(fields)) for head in fields if head]


def archive(folder: Path, commit_id: str) -> bytes:
    """Return the commit's files as a zip, with their modes; the same bytes for the same commit.

    Links are stored as links; of a submodule, as in a source artifact of AWS, nothing is there.
    """
    seconds = int(commit(folder, commit_id).committer.date.partition(" ")[0])
    moment = time.gmtime(seconds)[:6]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for file, content in _contents(folder, list(_files(folder, commit_id))):
            entry = zipfile.ZipInfo(file.path, moment)
            entry.create_system = 3  # Unix: what unpacks it then reads the mode
            entry.external_attr = int(file.mode, 8) << 16
            packed.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _difference(head: str, path: str) -> Difference:
    old_mode, new_mode, old_blob, new_blob, kind = head.lstrip(":").split(" ")
    before = File(old_blob, path, old_mode) if kind[0] != "A" else None
    after = File(new_blob, path, new_mode) if kind[0] != "D" else None
    return Difference(kind[0] if kind[0] in "AD" else "M", before, after)


def _files(folder: Path, commit_id: str) -> Iterator[File]:
    for line in _run(folder, "ls-tree", "-r", "-z", commit_id).decode().split("\0"):
        if line:
            head, _, path = line.partition("\t")
            mode, kind, blob = head.split(" ")
            if kind == "blob":
                yield File(blob, path, mode)


def _contents(folder: Path, files: list[File]) -> Iterator[tuple[File, bytes]]:
    wanted = "".join(f"{file.blob}\n" for file in files).encode()
    stream = io.BytesIO(_run(folder, "cat-file", "--batch", given=wanted))
    for file in files:
        size = int(stream.readline().split()[2])
        yield file, stream.read(size)
        stream.read(1)


def _run(folder: Path, *arguments: str, given: bytes | None = None) -> bytes:
    # Without the variables that a hook inherits: they name the repository that git itself is at.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["git", "-c", "safe.bareRepository=all", *arguments], cwd=folder, env=environment, input=given,
        capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise GitError(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
