from __future__ import annotations

import pytest

from local.greengrass.versions import BadVersion, Requirement, Version


@pytest.mark.parametrize(
    ("requirement", "inside", "outside"),
    [
        ("^1.2.0", ["1.2.0", "1.9.9"], ["1.1.9", "2.0.0"]),
        ("^0.2.1", ["0.2.1", "0.2.9"], ["0.3.0"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4"]),
        ("~1.2.3", ["1.2.3", "1.2.9"], ["1.3.0"]),
        (">=1.0.0 <2.0.0", ["1.0.0", "1.0.2147483647"], ["0.9.9", "2.0.0"]),
        ("1.0.3", ["1.0.3"], ["1.0.4"]),
        ("1.x", ["1.0.0", "1.7.0"], ["2.0.0"]),
        ("*", ["0.0.1", "9.0.0"], ["1.0.0-beta"]),
        ("^1.0.0 || ^3.0.0", ["1.1.0", "3.0.1"], ["2.0.0"]),
        (">1.0.0-alpha", ["1.0.0-beta", "1.0.0"], ["1.0.0-alpha"]),
    ],
)
def test_requirements(requirement: str, inside: list[str], outside: list[str]) -> None:
    parsed = Requirement.parse(requirement)
    assert [text for text in inside if not parsed.allows(Version.parse(text))] == []
    assert [text for text in outside if parsed.allows(Version.parse(text))] == []


def test_versions_are_ordered_by_number_not_by_letter() -> None:
    ordered = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta", "1.0.0", "1.0.2", "1.0.10"]
    assert [str(version) for version in sorted(map(Version.parse, reversed(ordered)))] == ordered


@pytest.mark.parametrize("text", ["1.0", "one", "", "1.0.0.0", "v1.0.0"])
def test_what_is_no_version_is_shown(text: str) -> None:
    with pytest.raises(BadVersion, match="is not a semantic version"):
        Version.parse(text)


@pytest.mark.parametrize("text", ["newest", ">= ", "^one", "1.0.0 and more"])
def test_what_is_no_requirement_is_shown(text: str) -> None:
    with pytest.raises(BadVersion, match="is not a version requirement"):
        Requirement.parse(text)
