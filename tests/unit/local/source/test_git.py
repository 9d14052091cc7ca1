import io
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from local.source import git as bare

Git = Callable[..., str]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "bare.git"
    bare.initialize(folder)
    return folder


def test_commit_is_read_with_its_people_and_message(repository: Path, git: Git, commit: Git) -> None:
    first = commit({"a": "1"})
    second = commit({"a": "2"}, "Change a\n\nBecause of b.")
    git("push", "--quiet", str(repository), "main")
    found = bare.commit(repository, second)
    assert (found.id, found.parents) == (second, (first,))
    assert found.message == "Change a\n\nBecause of b.\n"
    assert (found.author.name, found.author.date) == ("Ada", "1700000000 +0100")
    assert (found.committer.email, found.committer.date) == ("ben@example.com", "1700000060 +0000")


def test_first_commit_has_no_parents(repository: Path, git: Git, commit: Git) -> None:
    first = commit({"a": "1"})
    git("push", "--quiet", str(repository), "main")
    assert bare.commit(repository, first).parents == ()


def test_what_is_not_there_is_none(repository: Path) -> None:
    assert bare.resolve(repository, "refs/heads/main") is None
    assert bare.resolve(repository, "f" * 40) is None


def test_differences_name_what_was_added_changed_and_removed(repository: Path, git: Git, commit: Git) -> None:
    first = commit({"a": "1", "ä b": "2", "c": "3"})
    second = commit({"a": "one", "ä b": None, "d/e": "4"})
    git("push", "--quiet", str(repository), "main")
    found = {
        (one.kind, (one.after or one.before).path) for one in bare.differences(repository, first, second)
    }
    assert found == {("M", "a"), ("D", "ä b"), ("A", "d/e")}


def test_without_a_commit_before_every_file_is_added(repository: Path, git: Git, commit: Git) -> None:
    first = commit({"a": "1", "b/c": "2"})
    git("push", "--quiet", str(repository), "main")
    assert [one.kind for one in bare.differences(repository, None, first)] == ["A", "A"]


def test_archive_keeps_modes_and_links_and_is_the_same_twice(
    repository: Path, git: Git, commit: Git, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    (tree / "link").symlink_to("run.sh")
    (tree / "run.sh").write_text("#!/bin/sh\n")
    (tree / "run.sh").chmod(0o755)
    # Attributes that would keep git's own archive from holding the file.
    made = commit({".gitattributes": "data export-ignore\n", "data": "kept\n", "ü": "x"})
    git("push", "--quiet", str(repository), "main")
    content = bare.archive(repository, made)
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        modes = {entry.filename: entry.external_attr >> 16 for entry in packed.infolist()}
        assert packed.read("data") == b"kept\n"
        assert packed.read("link") == b"run.sh"
    assert set(modes) == {".gitattributes", "data", "link", "run.sh", "ü"}
    assert modes["run.sh"] & stat.S_IXUSR
    assert not modes["data"] & stat.S_IXUSR
    assert stat.S_ISLNK(modes["link"])
    assert bare.archive(repository, made) == content


def test_archive_of_no_commit_is_an_error(repository: Path) -> None:
    with pytest.raises(bare.GitError):
        bare.archive(repository, "f" * 40)
