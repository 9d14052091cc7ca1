"""The Training stack: the build is given what upsert reads, and each role what it needs and no more."""

import json
import re
import shlex
from typing import Any

import pytest
import yaml
from cloud_assembly import Assembly, Template

from pipeline_defs import upsert
from pipeline_defs.common.settings import Settings


@pytest.fixture
def training(templates: dict[str, Template]) -> Template:
    return templates["Training"]


def one(template: Template, kind: str) -> dict[str, Any]:
    (resource,) = [r["Properties"] for r in template["Resources"].values() if r["Type"] == kind]
    return resource


def statements(template: Template, role: str) -> list[dict[str, Any]]:
    return [
        statement
        for logical_id, resource in template["Resources"].items()
        if logical_id.startswith(role) and "PolicyDocument" in resource["Properties"]
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
    ]


def actions(template: Template, role: str) -> set[str]:
    found: set[str] = set()
    for statement in statements(template, role):
        found |= {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])
    return found


def build_environment(training: Template) -> dict[str, str]:
    variables = one(training, "AWS::CodeBuild::Project")["Environment"]["EnvironmentVariables"]
    return {
        v["Name"]: v["Value"] if isinstance(v["Value"], str) else json.dumps(v["Value"]) for v in variables
    }


def test_the_build_is_given_what_upsert_reads(training: Template, assembly: Assembly) -> None:
    environment = build_environment(training)
    (models,) = assembly.directory.glob(f"asset.*/{environment['MODEL_CONFIG_FILE']}")
    environment |= {"MODEL_CONFIG_FILE": str(models), "AWS_REGION": "eu-west-1"}
    settings = Settings.read(environment, "tags")
    assert settings.model.pipeline_name == "edgeline-tags"
    assert settings.model.classes == ("scratch",)
    assert settings.feature_group == "edgeline-labels"


def test_the_build_runs_upsert_and_does_not_wait(training: Template) -> None:
    source = one(training, "AWS::CodeBuild::Project")["Source"]
    assert source["Type"] == "CODEPIPELINE"
    spec = yaml.safe_load(source["BuildSpec"])
    assert spec["phases"]["install"]["commands"] == [
        "python -m pip install --quiet -r requirements-pipeline.txt"
    ]
    upserts, *exports = spec["phases"]["build"]["commands"]
    command = shlex.split(upserts.replace("$SEED", "3"))
    assert command[:3] == ["python", "-m", "pipeline_defs.upsert"]
    assert upsert.parse(command[3:]).start
    exported = ["PIPELINE_EXECUTION_ARN", "NOT_STARTED"]
    assert [export.partition("=")[0] for export in exports] == [f"export {name}" for name in exported]
    assert spec["env"]["exported-variables"] == exported


def test_the_action_gives_the_build_every_variable_that_its_command_names(training: Template) -> None:
    source = one(training, "AWS::CodeBuild::Project")["Source"]
    action = one(training, "AWS::CodePipeline::Pipeline")["Stages"][1]["Actions"][0]
    given = {v["name"]: v["value"] for v in json.loads(action["Configuration"]["EnvironmentVariables"])}
    assert given["MODEL"] == "tags"
    assert given["GIT_COMMIT"] == "#{variables.COMMIT}"
    assert given["RUN"] == "#{codepipeline.PipelineExecutionId}"
    assert set(re.findall(r"\$([A-Z_]+)", source["BuildSpec"])) == given.keys() - {"GIT_COMMIT", "RUN"}


def test_the_workgroup_decides_location_encryption_and_scan_limit(training: Template) -> None:
    workgroup = one(training, "AWS::Athena::WorkGroup")
    configuration = workgroup["WorkGroupConfiguration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == 10 * 1024**3
    results = configuration["ResultConfiguration"]
    assert results["EncryptionConfiguration"]["EncryptionOption"] == "SSE_KMS"
    assert results["OutputLocation"]["Fn::Join"][1][-1] == "/athena/"


def test_jobs_write_runs_query_results_and_the_frozen_split_only(training: Template) -> None:
    written = [
        arn["Fn::Join"][1][-1]
        for statement in statements(training, "JobRole")
        if "s3:PutObject" in statement["Action"]
        for arn in (
            statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        )
    ]
    assert sorted(written) == ["/athena/*", "/datasets/*", "/runs/*"]


def test_jobs_start_no_job_and_register_nothing(training: Template) -> None:
    assert {a for a in actions(training, "JobRole") if a.startswith("sagemaker:")} == {
        "sagemaker:DescribeFeatureGroup"
    }
    assert "iam:PassRole" not in actions(training, "JobRole")


def test_the_pipeline_registers_and_cannot_approve(training: Template) -> None:
    assert "sagemaker:CreateModelPackage" in actions(training, "PipelineRole")
    assert "sagemaker:UpdateModelPackage" not in actions(training, "PipelineRole")


def test_the_build_starts_pipelines_and_no_jobs(training: Template) -> None:
    assert {a for a in actions(training, "BuildRole") if a.startswith("sagemaker:")} == {
        "sagemaker:AddTags",
        "sagemaker:CreatePipeline",
        "sagemaker:DescribePipeline",
        "sagemaker:ListPipelineExecutions",
        "sagemaker:UpdatePipeline",
        "sagemaker:StartPipelineExecution",
    }


def test_the_build_sees_whether_there_are_labels_and_reads_none(training: Template) -> None:
    listing = [s for s in statements(training, "BuildRole") if s["Action"] == "s3:ListBucket"]
    prefixes = [s["Condition"]["StringLike"]["s3:prefix"] for s in listing]
    assert prefixes == [["code/*"], ["labels/tags/*"]]


def test_roles_go_down_the_line(training: Template) -> None:
    """The build passes the pipeline's role, the pipeline the jobs' role, and the jobs none."""
    passed = {
        role: s["Resource"]["Fn::GetAtt"][0]
        for role in ("BuildRole", "PipelineRole")
        for s in statements(training, role)
        if s["Action"] == "iam:PassRole"
    }
    assert passed["BuildRole"].startswith("PipelineRole")
    assert passed["PipelineRole"].startswith("JobRole")


def test_outputs(training: Template) -> None:
    assert {
        "WorkflowTags",
        "JobRoleArn",
        "PipelineNameTags",
        "Workgroup",
        "LabelReaderPolicyArn",
        "ApproverPolicyArn",
        "AuditorPolicyArn",
        "OperatorPolicyArn",
        "RunsApiUrl",
        "RunStarterPolicyArn",
    } == {key for key in training["Outputs"] if not key.startswith("ExportsOutput")}


def test_who_asks_for_the_labels_reads_them_and_writes_query_results_only(training: Template) -> None:
    written = [s for s in statements(training, "QueriesReaderPolicy") if "s3:PutObject" in s["Action"]]
    assert len(written) == 1
    assert json.dumps(written[0]["Resource"]).count("/athena/*") == 1
    assert not any("sagemaker:PutRecord" in s["Action"] for s in statements(training, "QueriesReaderPolicy"))
