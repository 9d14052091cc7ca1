"""Synthesis needs no credentials, gives the same every time, and nothing that cdk-nag finds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cloud_assembly import Assembly

ROOT = Path(__file__).parents[2]


def synthesize(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    environment |= {
        "CDK_OUTDIR": str(directory),
        "CDK_VALIDATION": "false",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_CONFIG_FILE": os.devnull,
    }
    if arguments:
        environment["CDK_CONTEXT_JSON"] = json.dumps(dict(argument.split("=") for argument in arguments))
    return subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_the_stacks_of_every_stage(templates: dict[str, object]) -> None:
    tools = {"Data", "Labeling", "Training", "Promotion", "Edge", "Cost"}
    assert templates.keys() == {*tools, "Staging/Serving", "Prod/Serving", "Delivery"}


def test_a_second_synthesis_in_another_process_is_byte_identical(assembly: Assembly, tmp_path: Path) -> None:
    configuration = ROOT / "tests" / "fixtures" / "edgeline.toml"
    result = synthesize(tmp_path / "again", f"config={configuration}")
    assert result.returncode == 0, result.stderr
    first, second = contents(assembly.directory), contents(tmp_path / "again")
    assert first.keys() == second.keys()
    assert [path for path in first if first[path] != second[path]] == []


def contents(directory: Path) -> dict[str, bytes]:
    return {
        file.relative_to(directory).as_posix(): file.read_bytes()
        for file in directory.rglob("*")
        # The report of the validation plugins names the construct tree's stack traces, not what is deployed.
        if file.is_file() and file.name != "validation-report.json"
    }


def test_templates_name_no_account_and_no_region(assembly: Assembly) -> None:
    manifest = json.loads((assembly.directory / "assembly-Tools" / "manifest.json").read_text())
    environments = {a["environment"] for a in manifest["artifacts"].values() if "environment" in a}
    assert environments == {"aws://unknown-account/unknown-region"}


def test_a_wrong_configuration_ends_the_synthesis_with_one_line(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('name = "edgeline"\n[models.tags]\ntask = "detection"\nclasses = ["a"]\nspeed = 3\n')
    result = synthesize(tmp_path / "out", f"config={wrong}")
    assert result.returncode == 1
    assert result.stderr == "wrong.toml: models.tags.speed: unknown key\n"


def test_cdk_nag_finds_nothing_that_is_not_acknowledged_with_a_reason(assembly: Assembly) -> None:
    report = json.loads((assembly.directory / "validation-report.json").read_text())
    (nag,) = [plugin for plugin in report["pluginReports"] if plugin["pluginName"] == "AwsSolutions"]
    assert nag["conclusion"] == "success"
    assert nag["violations"] == []
    assert nag["suppressedViolations"], "the report no longer says what was acknowledged"


@pytest.mark.parametrize("rule", ["AwsSolutions-IAM5", "AwsSolutions-IAM4"])
def test_no_acknowledgement_covers_a_whole_iam_rule(assembly: Assembly, rule: str) -> None:
    tree = json.dumps(assembly.templates) + (assembly.directory / "tree.json").read_text()
    assert f'"{rule}"' not in tree
    assert f'"AwsSolutions::{rule}"' not in tree
