from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.codebuild.build_environment import BuildEnvironment
from local.codebuild.machine import commands_environment


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Environments are made here, as where this interpreter's folder cannot be written to."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    return tmp_path / "kept"


def source(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_txt", ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_python_of_an_environment_has_our_packages_and_its_own_place(tmp_path: Path, elsewhere: Path) -> None:
    place = BuildEnvironment.of(source(tmp_path / "a", requirements_txt="x"), otherwise=elsewhere)
    variables = {**commands_environment(tmp_path), **place.variables}
    code = "import sys, yaml; print(sys.prefix, sys.base_prefix != sys.prefix, yaml.__file__)"
    done = subprocess.run(["python", "-c", code], env=variables, capture_output=True, text=True, check=True)
    prefix, inside, ours = done.stdout.split()
    assert (prefix, inside) == (str(place.folder), "True")
    assert Path(ours).is_relative_to(Path(sys.prefix))
    pip = subprocess.run(["pip", "--version"], env=variables, capture_output=True, text=True, check=True)
    assert pip.stdout.startswith("pip ")


def test_environment_is_that_of_its_requirements(tmp_path: Path, elsewhere: Path) -> None:
    def of(name: str, **files: str) -> Path:
        return BuildEnvironment.of(source(tmp_path / name, **files), otherwise=elsewhere).folder

    first = of("a", requirements_txt="x==1", code_txt="one")
    assert of("b", requirements_txt="x==1", code_txt="two") == first
    assert of("c", requirements_txt="x==2") != first
    assert of("d", requirements_txt="x==1", sub__requirements_txt="y") != first


def test_variables_of_the_users_session_are_not_passed_on(tmp_path: Path) -> None:
    given = {
        "PATH": "/bin",
        "GITHUB_TOKEN": "hush",
        "AWS_PROFILE": "prod",
        "https_proxy": "http://p",
        "PIP_X": "1",
    }
    kept = commands_environment(tmp_path, given)
    assert "hush" not in kept.values()
    assert "AWS_PROFILE" not in kept
    assert not os.path.exists(kept["AWS_CONFIG_FILE"])
    assert (kept["PATH"], kept["https_proxy"], kept["PIP_X"]) == ("/bin", "http://p", "1")


def test_git_finds_no_clone_around_the_sources(tmp_path: Path) -> None:
    source_folder, scratch = tmp_path / "work/src", tmp_path / "work/tmp"
    source_folder.mkdir(parents=True)
    variables = commands_environment(scratch)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True, env=variables)
    found = subprocess.run(["git", "rev-parse", "--git-dir"], cwd=source_folder, env=variables, check=False)
    assert found.returncode == 128
