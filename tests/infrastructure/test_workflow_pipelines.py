"""The workflows' pipelines: they run what was deployed, start by no event, and each role does one thing."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from cloud_assembly import Template
from machines import actions_of, statements_in

from config import Edgeline
from stacks.constructs.workflow_pipeline import workflow_names
from stacks.data_stack import DataStack
from stacks.training_stack import TrainingStack

ROOT = Path(__file__).parents[2]
CONFIG = Edgeline.read(ROOT / "tests" / "fixtures" / "edgeline.toml")
STACKS = ["Labeling", "Training", "Edge"]


def pipeline_in(template: Template) -> dict[str, Any]:
    (found,) = [r for r in template["Resources"].values() if r["Type"] == "AWS::CodePipeline::Pipeline"]
    properties: dict[str, Any] = found["Properties"]
    return properties


def role_of(arn: dict[str, Any]) -> str:
    return str(arn["Fn::GetAtt"][0])


def may(template: Template, role: str) -> dict[str, Any]:
    """The actions that a role's own policy allows, with their resources."""
    prefix = f"{role[:-8]}DefaultPolicy"
    return {
        action: statement["Resource"]
        for name, statement in statements_in(template)
        if name.startswith(prefix)
        for action in actions_of(statement)
    }


@pytest.fixture(params=STACKS)
def template(request: pytest.FixtureRequest, templates: dict[str, Template]) -> Template:
    return templates[request.param]


def test_the_delivery_knows_every_workflow(templates: dict[str, Template]) -> None:
    assert {pipeline_in(templates[stack])["Name"] for stack in STACKS} == set(workflow_names(CONFIG))


def test_parts_that_are_left_out_have_no_workflow() -> None:
    config = dataclasses.replace(CONFIG, parts=("training", "promotion"))
    assert workflow_names(config) == [f"edgeline-model-{model.name}" for model in CONFIG.models]


def test_it_runs_what_was_deployed_and_nothing_starts_it_by_itself(template: Template) -> None:
    pipeline = pipeline_in(template)
    assert pipeline["PipelineType"] == "V2"
    assert "Triggers" not in pipeline
    assert not pipeline.get("RestartExecutionOnUpdate")
    [source] = pipeline["Stages"][0]["Actions"]
    assert source["ActionTypeId"]["Provider"] == "S3"
    assert source["Configuration"]["PollForSourceChanges"] == "false"
    assert source["Configuration"]["S3Bucket"]["Fn::Sub"].startswith("cdk-")
    rules = [r["Properties"] for r in template["Resources"].values() if r["Type"] == "AWS::Events::Rule"]
    started = json.dumps([rule["Targets"] for rule in rules])
    assert ":codepipeline:" not in started, "edgeline.toml has no schedule"


def test_a_start_says_the_commit_and_the_content_is_a_variable(template: Template) -> None:
    variables = {v["Name"]: v["DefaultValue"] for v in pipeline_in(template)["Variables"]}
    assert variables["COMMIT"] == "unknown"
    assert len(variables["CONTENT"]) == 16
    assert all(variables.values()), "CodePipeline takes no empty value"


def test_each_action_has_a_role_that_only_the_pipeline_takes_on(template: Template) -> None:
    pipeline = pipeline_in(template)
    own = role_of(pipeline["RoleArn"])
    actions = [action for stage in pipeline["Stages"] for action in stage["Actions"]]
    roles = [role_of(action["RoleArn"]) for action in actions]
    assert len({own, *roles}) == len(actions) + 1
    for role in roles:
        [trust] = template["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"AWS": {"Fn::GetAtt": [own, "Arn"]}}
    assumable = may(template, own)["sts:AssumeRole"]
    assumable = assumable if isinstance(assumable, list) else [assumable]
    assert {role_of(arn) for arn in assumable} == set(roles)
    assert {action.partition(":")[0] for action in may(template, own)} == {"sts", "s3", "kms"}


def test_the_source_role_reads_one_object_outside_the_workflows_bucket(template: Template) -> None:
    [source] = pipeline_in(template)["Stages"][0]["Actions"]
    reading = [
        s
        for name, s in statements_in(template)
        if name.startswith(role_of(source["RoleArn"])[:-8]) and "s3:GetObject" in actions_of(s)
    ]
    resources = [json.dumps(s["Resource"]) for s in reading]
    assert sorted("ImportValue" in resource for resource in resources) == [False, True]
    [asset] = [resource for resource in resources if "ImportValue" not in resource]
    assert f"/{source['Configuration']['S3ObjectKey']}" in asset


def test_an_operator_starts_and_follows_it(template: Template) -> None:
    granted = {
        action: statement["Resource"]
        for name, statement in statements_in(template)
        if name.startswith("OperatorPolicy")
        for action in actions_of(statement)
        if action.startswith("codepipeline:")
    }
    assert granted.keys() == {
        "codepipeline:StartPipelineExecution",
        "codepipeline:GetPipelineExecution",
        "codepipeline:ListActionExecutions",
    }
    name = pipeline_in(template)["Name"]
    assert all(json.dumps(arn).endswith(f':{name}"]]}}') for arn in granted.values())


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ("Labeling", {"states:StartExecution", "states:DescribeStateMachine", "states:DescribeExecution"}),
        ("Training", {"codebuild:StartBuild", "codebuild:BatchGetBuilds", "codebuild:StopBuild"}),
        ("Edge", {"codebuild:StartBuild", "codebuild:BatchGetBuilds", "codebuild:StopBuild"}),
    ],
)
def test_an_action_may_do_what_it_is_for(
    templates: dict[str, Template], stack: str, expected: set[str]
) -> None:
    [action] = pipeline_in(templates[stack])["Stages"][1]["Actions"]
    assert may(templates[stack], role_of(action["RoleArn"])).keys() == expected


def training(**changes: Any) -> dict[str, Any]:
    app = cdk.App(context=json.loads((ROOT / "cdk.json").read_text())["context"])
    models = {
        "tags": {"task": "detection", "classes": ["scratch"], **changes},
        "pcb": {"task": "detection", "classes": ["open"]},
    }
    config = Edgeline.from_values({"name": "line", "models": models})
    data = DataStack(app, "Data", config=config)
    stack = TrainingStack(
        app, "Training", config=config, images=data.images, artifacts=data.artifacts, key=data.key,
        feature_group_name=data.feature_group_name, workflows=data.workflows,
    )  # fmt: skip
    template: dict[str, Any] = assertions.Template.from_stack(stack).to_json()
    return template


def contents(template: Template) -> dict[str, str]:
    return {
        r["Properties"]["Name"]: v["DefaultValue"]
        for r in template["Resources"].values()
        if r["Type"] == "AWS::CodePipeline::Pipeline"
        for v in r["Properties"]["Variables"]
        if v["Name"] == "CONTENT"
    }


def test_a_model_that_is_configured_anew_changes_its_own_pipeline_only() -> None:
    before, after = contents(training()), contents(training(map50_threshold=0.7))
    assert before["line-model-tags"] != after["line-model-tags"]
    assert before["line-model-pcb"] == after["line-model-pcb"]


def test_a_models_schedule_starts_its_own_pipeline() -> None:
    template = training(schedule="rate(7 days)")
    [rule] = [r["Properties"] for r in template["Resources"].values() if r["Type"] == "AWS::Events::Rule"]
    assert rule["ScheduleExpression"] == "rate(7 days)"
    [target] = rule["Targets"]
    assert json.dumps(target["Arn"]).endswith(':line-model-tags"]]}')
    assert may(template, role_of(target["RoleArn"])) == {"codepipeline:StartPipelineExecution": target["Arn"]}
