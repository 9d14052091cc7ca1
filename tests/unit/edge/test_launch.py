from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from edge.inspector import launch


def test_installed_pins_are_not_missing_and_others_are_named() -> None:
    numpy = f"numpy=={metadata.version('numpy')}"
    text = f"# comment\n{numpy}\nnumpy==0.0.1\nno-such-package==1.0\n"
    assert launch.missing_requirements(text) == ["numpy==0.0.1", "no-such-package==1.0"]


def test_nothing_is_fetched_where_everything_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise AssertionError("something was fetched")

    monkeypatch.setattr(subprocess, "run", fail)
    monkeypatch.setattr(launch, "missing_requirements", lambda text: [])
    launch.main(["install", "--work", str(tmp_path)])
    assert not list(tmp_path.iterdir())


def test_other_requirements_have_another_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = launch.environment_python(tmp_path)
    other = tmp_path / "requirements.txt"
    other.write_text("numpy==0.0.1\n")
    monkeypatch.setattr(launch, "REQUIREMENTS", other)
    assert launch.environment_python(tmp_path) != first
