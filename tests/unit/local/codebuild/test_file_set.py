from __future__ import annotations

from pathlib import Path

import pytest

from local.codebuild.buildspec import Files
from local.codebuild.file_set import selected

TREE = ("a.txt", "sub/b.txt", "sub/deep/c.log", "build-1/x.txt", "build-2/y.txt", "build-2/in/z.txt")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in TREE:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (Files(("**/*",)), sorted(TREE)),
        (Files(("*",)), ["a.txt"]),
        (Files(("a.txt", "gone.txt")), ["a.txt"]),
        (Files(("./a.txt",)), ["a.txt"]),
        (Files(("sub/*",)), ["sub/b.txt"]),
        (Files(("sub/**/*",)), ["sub/b.txt", "sub/deep/c.log"]),
        (Files(("sub",)), ["sub/b.txt", "sub/deep/c.log"]),
        (Files(("**/*",), base_directory="sub"), ["b.txt", "deep/c.log"]),
        (Files(("**/*",), base_directory="build-*"), ["in/z.txt", "x.txt", "y.txt"]),
        (Files(("**/*",), base_directory="build-*", discard_paths=True), ["x.txt", "y.txt", "z.txt"]),
        (Files(("**/*",), exclude=("**/*.log", "build-*/**/*")), ["a.txt", "sub/b.txt"]),
        (Files(("?.txt",)), ["a.txt"]),
        (Files(("../a.txt",), base_directory="sub"), ["a.txt"]),
        (Files(("**/*",), base_directory="gone"), []),
    ],
)
def test_patterns_take_what_codebuild_takes(root: Path, files: Files, names: list[str]) -> None:
    assert sorted(selected(files, root)) == names


def test_name_leads_to_its_file(root: Path) -> None:
    found = selected(Files(("deep/c.log",), base_directory="sub", discard_paths=True), root)
    assert found["c.log"].read_text() == "sub/deep/c.log"
