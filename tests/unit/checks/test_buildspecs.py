"""Build specifications against the reference of version 0.2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checks.assembly import Assembly
from checks.buildspecs import check

Assembled = Callable[..., Assembly]
GOOD = """
version: 0.2
env:
  shell: bash
  variables: {STAGE: prod, EMPTY: ""}
  parameter-store: {TOKEN: /edgeline/token}
  secrets-manager: {SECRET: "edgeline:key::"}
  exported-variables: [ARN]
  git-credential-helper: yes
phases:
  install:
    runtime-versions: {python: "3.12", nodejs: 22}
  build:
    on-failure: RETRY-3
    commands: ["make", "echo \\"Hello: world\\""]
    finally: ["make clean"]
reports:
  unit:
    files: ["reports/*.xml"]
    file-format: JUNITXML
    discard-paths: no
artifacts:
  files: ["**/*"]
  base-directory: cdk.out
  secondary-artifacts:
    logs: {files: ["logs/*"]}
cache:
  paths: ["/root/.cache/**/*"]
"""


def project(buildspec: str, *variables: dict[str, str], source: str = "NO_SOURCE") -> dict[str, Any]:
    return {
        "Source": {"Type": source, "BuildSpec": buildspec},
        "Environment": {"EnvironmentVariables": list(variables)},
    }


def found(assembled: Assembled, *projects: dict[str, Any]) -> dict[str, str]:
    findings = check(assembled("AWS::CodeBuild::Project", *projects))
    return {each.where.partition(" ")[2]: f"{each.wrong}; {each.remedy}" for each in findings}


def test_what_the_reference_allows_is_fine(assembled: Assembled) -> None:
    assert found(assembled, project(GOOD)) == {}


@pytest.mark.parametrize(
    ("old", "new", "path", "says"),
    [
        ("version: 0.2", "version: 0.1", "version", "'0.1' is none of 0.2"),
        ("version: 0.2\n", "", "version", "is missing"),
        ("  build:", "  Build:", "phases.Build", "write build"),
        ("  build:", "  test:", "phases.test", "unknown key 'test'"),
        ("env:", "envs:", "envs", "write env"),
        ("    finally:", "    finaly:", "phases.build.finaly", "write finally"),
        ('"make", ', "", "", ""),
        ('["make", ', "[{echo Hello: world}, ", "phases.build.commands[0]", "a mapping where a text"),
        ('["make", ', "[true, ", "phases.build.commands[0]", "put it in quotes"),
        ('["make", ', '["", ', "phases.build.commands[0]", "is empty"),
        ('["make", "echo \\"Hello: world\\""]', "make", "phases.build.commands", "where a list is needed"),
        ('["make", "echo \\"Hello: world\\""]', "[]", "phases.build.commands", "is an empty list"),
        ("RETRY-3", "IGNORE", "phases.build.on-failure", "is not ABORT, CONTINUE or RETRY"),
        ('python: "3.12"', "python: 3.10", "phases.install.runtime-versions.python", "3.1 is a number"),
        (
            'python: "3.12"',
            'pyton: "3.12"',
            "phases.install.runtime-versions.pyton",
            "no name that is accepted",
        ),
        ("STAGE: prod", "STAGE: [prod]", "env.variables.STAGE", "a list where a text"),
        ("STAGE: prod", "2STAGE: prod", "env.variables.2STAGE", "no name that is accepted"),
        ("[ARN]", "ARN", "env.exported-variables", "where a list is needed"),
        ("shell: bash", "shell: zsh", "env.shell", "none of bash"),
        ('    files: ["reports/*.xml"]\n', "", "reports.unit.files", "is missing"),
        ("JUNITXML", "JUNIT", "reports.unit.file-format", "write JUNITXML"),
        ("discard-paths: no", "discard-paths: never", "reports.unit.discard-paths", "neither yes nor no"),
        ('  files: ["**/*"]\n', "  files: []\n", "artifacts.files", "is an empty list"),
        ('{files: ["logs/*"]}', "{}", "artifacts.secondary-artifacts.logs.files", "is missing"),
        ("cache:", "phases:", "Source.BuildSpec", "stands twice"),
        ("cache:", "cache: [", "Source.BuildSpec", "not valid YAML"),
    ],
)
def test_what_codebuild_would_refuse_is_named(
    assembled: Assembled, old: str, new: str, path: str, says: str
) -> None:
    assert old in GOOD
    problems = found(assembled, project(GOOD.replace(old, new, 1)))
    if path:
        assert says in problems[path]
    else:
        assert problems == {}


def test_a_build_without_a_command_is_an_error(assembled: Assembled) -> None:
    empty = "version: 0.2\nphases:\n  install:\n    runtime-versions: {python: '3.12'}\n"
    assert "no phase has a command" in found(assembled, project(empty))["phases"]


def test_a_buildspec_that_is_no_mapping_is_an_error(assembled: Assembled) -> None:
    assert "where a mapping is needed" in found(assembled, project("- version\n"))[""]


def test_a_file_is_read_from_the_assembly_and_missed_where_there_is_none(
    assembled: Assembled, tmp_path: Path
) -> None:
    (tmp_path / "buildspec-assets.yaml").write_text("version: 0.2\nphases:\n  bild: {commands: [make]}\n")
    there = project("buildspec-assets.yaml", source="CODEPIPELINE")
    assert "phases.bild" in found(assembled, there)
    missing = project("nowhere.yml", source="CODEPIPELINE")
    assert "the source has no nowhere.yml" in found(assembled, missing)["Source.BuildSpec"]


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ([{"Name": "A", "Type": "PARAMETERSTORE", "Value": "x"}], "none of PLAINTEXT"),
        ([{"Name": "CODEBUILD_A", "Value": "x"}], "reserves names"),
        ([{"Name": "A", "Value": "x"}, {"Name": "A", "Value": "y"}], "given twice"),
    ],
)
def test_environment_variables_of_the_project(
    assembled: Assembled, variables: list[dict[str, str]], says: str
) -> None:
    ((path, wrong),) = found(assembled, project(GOOD, *variables)).items()
    assert path.startswith("Environment.EnvironmentVariables")
    assert says in wrong
