"""The patterns of ignored files, by the rules that CodePipeline documents for its triggers."""

import pytest

from lambdas.delivery.changed_paths import first_delivered

DOCS = ("docs/**", "**.md", "LICENSE")


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("LICENSE", "LICENSE"),
        ("docs/**", "docs/adr/0001.md"),
        ("docs/*", "docs/faults.md"),
        ("**.md", "README.md"),
        ("**.md", "docs/adr/0001.md"),
        ("**/*.md", "docs/adr/0001.md"),
        ("**", "app.py"),
        ("*.{md,txt}", "notes.txt"),
        ("stacks/?.py", "stacks/a.py"),
        ("v[0-9].py", "v1.py"),
        ("v[!0-9].py", "va.py"),
        ("v[*].py", "v*.py"),
        ("v[a-].py", "v-.py"),
        (r"\*.md", "*.md"),
        ("a.b", "a.b"),
        ("{a,b}/**/{c,d}.py", "b/x/y/d.py"),
    ],
)
def test_ignored(pattern: str, path: str) -> None:
    assert first_delivered([path], [pattern]) is None


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("LICENSE", "edge/LICENSE"),
        ("docs/**", "docs.py"),
        ("docs/**", "other/docs/a.md"),
        ("docs/*", "docs/adr/0001.md"),
        ("*.md", "docs/faults.md"),
        ("**/*.md", "README.md"),
        ("stacks/?.py", "stacks//.py"),
        ("v[!0-9]py", "v/py"),
        ("v[!0-9].py", "v1.py"),
        ("a.b", "axb"),
        (r"\*.md", "README.md"),
        ("{a,b}.py", "a,b.py"),
        ("a{b", "ab"),
        ("a[b", "ab"),
    ],
)
def test_delivered(pattern: str, path: str) -> None:
    assert first_delivered([path], [pattern]) == path


def test_one_file_that_is_not_ignored_is_enough() -> None:
    assert first_delivered(["README.md", "app.py", "docs/a.md"], DOCS) == "app.py"


def test_only_docs_are_all_ignored() -> None:
    assert first_delivered(["README.md", "LICENSE", "docs/a/b.png"], DOCS) is None


def test_without_patterns_everything_counts() -> None:
    assert first_delivered(["README.md"], []) == "README.md"


def test_no_more_paths_are_asked_for_than_it_takes() -> None:
    paths = iter(["README.md", "app.py", "config.py"])
    assert first_delivered(paths, DOCS) == "app.py"
    assert list(paths) == ["config.py"]
