"""Every check finds nothing in the app itself, and what is planted in it."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checks import __main__ as checks_main
from checks import cdk_nag, state_machines
from checks.assembly import Assembly
from checks.finding import Finding
from checks.run import CHECKS, run_one

Plant = Callable[[str, Callable[[dict[str, Any]], None]], Assembly]


def errors(check: str, assembly: Assembly) -> list[Finding]:
    return [finding for finding in run_one(check, assembly)[1] if not finding.warning]


def alone(assembly: Assembly) -> Assembly:
    """Only the first stack, which is the changed one: the others take as long again."""
    return dataclasses.replace(assembly, stacks=assembly.stacks[:1])


@pytest.mark.acceptance  # `make check` runs the same
@pytest.mark.parametrize("check", CHECKS)
def test_the_app_is_clean(check: str, app_assembly: Assembly) -> None:
    assert [str(finding) for finding in run_one(check, app_assembly)[1]] == []
    assert check == importlib.import_module(CHECKS[check]).NAME


@pytest.mark.parametrize(
    "kind",
    [
        "AWS::StepFunctions::StateMachine",
        "AWS::Events::Rule",
        "AWS::CodeBuild::Project",
    ],
)
def test_there_is_something_to_look_at(kind: str, app_assembly: Assembly) -> None:
    assert len(list(app_assembly.resources(kind))) >= 3


def test_every_stage_and_the_delivery_stack_are_read(app_assembly: Assembly) -> None:
    paths = {stack.path.partition("/")[0] for stack in app_assembly.stacks}
    assert paths == {"Tools", "Staging", "Prod", "Delivery"}


def test_cfn_lint_catches_a_value_that_is_none_of_the_enumeration(plant: Plant) -> None:
    def change(bucket: dict[str, Any]) -> None:
        bucket["VersioningConfiguration"] = {"Status": "Onn"}

    (found,) = errors("cfn-lint", alone(plant("AWS::S3::Bucket", change)))
    assert found.where.endswith("Resource Properties/VersioningConfiguration/Status")
    assert "'Onn' is not one of" in found.wrong


def test_cdk_validation_catches_an_unknown_property(plant: Plant) -> None:
    def change(bucket: dict[str, Any]) -> None:
        bucket["BucketNme"] = "x"

    (found,) = errors("cdk-validation", alone(plant("AWS::S3::Bucket", change)))
    assert "BucketNme" in found.where
    assert "F3002" in found.wrong


class TestCdkNag:
    def with_report(self, assembly: Assembly, tmp_path: Path, change: Callable[[Any], None]) -> Assembly:
        report = json.loads((assembly.directory / "validation-report.json").read_text())
        change(report)
        (tmp_path / "validation-report.json").write_text(json.dumps(report))
        return dataclasses.replace(assembly, directory=tmp_path)

    def test_an_assembly_without_a_report_is_caught(self, app_assembly: Assembly, tmp_path: Path) -> None:
        (found,) = cdk_nag.check(dataclasses.replace(app_assembly, directory=tmp_path))
        assert "made without cdk-nag" in found.wrong

    def test_a_report_without_the_pack_is_caught(self, app_assembly: Assembly, tmp_path: Path) -> None:
        changed = self.with_report(app_assembly, tmp_path, lambda report: report["pluginReports"].clear())
        (found,) = cdk_nag.check(changed)
        assert found.wrong == "AwsSolutions is not among the plugins that ran"

    def test_findings_are_caught(self, app_assembly: Assembly, tmp_path: Path) -> None:
        def no_longer_acknowledged(report: Any) -> None:
            (pack,) = report["pluginReports"]
            pack["violations"] = [copy.deepcopy(pack["suppressedViolations"][0])]
            pack["conclusion"] = "failure"

        (found,) = cdk_nag.check(self.with_report(app_assembly, tmp_path, no_longer_acknowledged))
        assert found.where.startswith("Tools/")
        assert found.wrong.startswith("AwsSolutions-")

    def test_a_pack_that_did_not_end_well_is_caught(self, app_assembly: Assembly, tmp_path: Path) -> None:
        def failed(report: Any) -> None:
            report["pluginReports"][0]["conclusion"] = "failure"

        (found,) = cdk_nag.check(self.with_report(app_assembly, tmp_path, failed))
        assert found.wrong == "AwsSolutions did not succeed"


class TestStateMachines:
    def test_a_state_that_does_not_exist_is_caught(self, plant: Plant) -> None:
        def change(machine: dict[str, Any]) -> None:
            joined = json.dumps(machine["DefinitionString"])
            changed, count = re.subn(r'(\\"Next\\":\\")[^"\\]+', r"\1Nowhere", joined, count=1)
            assert count == 1
            machine["DefinitionString"] = json.loads(changed)

        found = errors("state-machines", plant("AWS::StepFunctions::StateMachine", change))
        assert any("Nowhere" in finding.wrong for finding in found)
        assert all(finding.where.startswith("Tools/") for finding in found)

    def test_a_missing_validator_is_an_error_that_says_what_to_run(
        self, app_assembly: Assembly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(state_machines, "_FOLDER", tmp_path)
        (found,) = state_machines.check(app_assembly)
        assert str(found) == "state-machines: asl-validator: not installed; run: npm ci --prefix checks/asl"

    def test_missing_node_is_an_error(self, app_assembly: Assembly, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")
        (found,) = state_machines.check(app_assembly)
        assert found.wrong == "not on PATH"


class TestPipelineDefinitions:
    def test_an_instance_that_sagemaker_does_not_have_is_caught(
        self, plant: Plant, app_assembly: Assembly, tmp_path: Path
    ) -> None:
        (packed,) = app_assembly.directory.glob("asset.*/models.json")
        models = tmp_path / "models.json"
        models.write_text(packed.read_text().replace("ml.m5.2xlarge", "ml.m5.huge"))

        def change(project: dict[str, Any]) -> None:
            for entry in project["Environment"]["EnvironmentVariables"]:
                if entry["Name"] == "MODEL_CONFIG_FILE":
                    entry["Value"] = str(models)

        (found,) = errors("pipeline-definitions", plant("AWS::CodeBuild::Project", change))
        assert found.where.endswith("model tags")
        assert "'ml.m5.huge' is none of TrainingInstanceType" in found.wrong

    def test_a_variable_that_the_build_needs_and_does_not_get_is_caught(self, plant: Plant) -> None:
        def change(project: dict[str, Any]) -> None:
            variables = project["Environment"]["EnvironmentVariables"]
            variables[:] = [entry for entry in variables if entry["Name"] != "FEATURE_GROUP"]

        (found,) = errors("pipeline-definitions", plant("AWS::CodeBuild::Project", change))
        assert "FEATURE_GROUP" in found.wrong

    def test_a_file_of_models_that_is_not_packed_is_caught(self, plant: Plant) -> None:
        def change(project: dict[str, Any]) -> None:
            for entry in project["Environment"]["EnvironmentVariables"]:
                if entry["Name"] == "MODEL_CONFIG_FILE":
                    entry["Value"] = "other.json"

        (found,) = errors("pipeline-definitions", plant("AWS::CodeBuild::Project", change))
        assert found.where.endswith("MODEL_CONFIG_FILE")
        assert "other.json" in found.wrong


def test_event_patterns_catch_a_value_that_no_event_has(plant: Plant) -> None:
    def change(rule: dict[str, Any]) -> None:
        rule["EventPattern"]["detail-type"] = ["Model Promotd"]

    (found,) = errors("event-patterns", plant("AWS::Events::Rule", change))
    assert found.where.endswith("Rule/Resource detail-type")
    assert "Model Promoted" in found.remedy


def test_buildspecs_catch_a_phase_that_does_not_exist(plant: Plant) -> None:
    def change(project: dict[str, Any]) -> None:
        project["Source"]["BuildSpec"] = 'version: "0.2"\nphases:\n  bild:\n    commands: [make]\n'

    (found,) = errors("buildspecs", plant("AWS::CodeBuild::Project", change))
    assert found.where.endswith("phases.bild")
    assert found.remedy == "write build"


def test_recipes_catch_an_error_in_what_a_function_carries(plant: Plant, app_assembly: Assembly) -> None:
    def change(function: dict[str, Any]) -> None:
        function["Environment"] = {
            "Variables": {"RECIPE": "RecipeFormatVersion: '2020-01-25'\nManifests: []\n"}
        }

    found = errors("recipes", plant("AWS::Lambda::Function", change))
    assert {finding.where.rpartition(" ")[2] for finding in found} == {
        "ComponentName",
        "ComponentVersion",
        "Manifests",
    }


class TestCommand:
    def test_several_errors_of_several_checks_are_all_shown(
        self, app_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        broken = tmp_path / "cdk.out"
        shutil.copytree(app_folder, broken)
        (broken / "validation-report.json").unlink()
        for stack, right, wrong in (
            ("ToolsPromotion", '"ModelApprovalStatus"', '"ModelAprovalStatus"'),
            ("ToolsTraining", "\\nphases:", "\\nfases:"),
        ):
            (template,) = (broken / "assembly-Tools").glob(f"{stack}*.template.json")
            content = template.read_text()
            assert right in content
            template.write_text(content.replace(right, wrong, 1))
        asked = ["--only", "cdk-nag", "--only", "event-patterns", "--only", "buildspecs"]
        assert checks_main.main([str(broken), *asked]) == 1
        *lines, summary = capsys.readouterr().out.splitlines()
        assert [line.partition(":")[0] for line in lines] == [
            "cdk-nag",
            "event-patterns",
            *["buildspecs"] * 2,
        ]
        assert "detail.ModelAprovalStatus" in lines[1]
        assert lines[1].endswith("write ModelApprovalStatus")
        assert re.fullmatch(r"4 errors, 0 warnings in \d+ stacks, \d+ s", summary)

    def test_verbose_says_how_long_each_check_takes(
        self, app_folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        checks_main.main([str(app_folder), "--only", "cdk-nag", "-v"])
        assert re.match(r"cdk-nag: \d+\.\d s\n", capsys.readouterr().out)

    def test_the_clean_app_exits_with_0(self, app_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert checks_main.main([str(app_folder), "--only", "event-patterns"]) == 0
        assert capsys.readouterr().out.startswith("0 errors, 0 warnings")

    def test_a_missing_assembly_is_one_line(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert checks_main.main([str(tmp_path / "cdk.out")]) == 2
        assert capsys.readouterr().err.count("\n") == 1

    def test_a_missing_package_is_one_line(
        self, app_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setitem(CHECKS, "recipes", "checks.not_there")
        assert checks_main.main([str(app_folder), "--only", "recipes"]) == 2
        assert "run: pip install -r requirements-checks.txt" in capsys.readouterr().err
