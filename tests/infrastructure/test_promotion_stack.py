import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from machines import actions_of, after_failure, defects, definition_in, statements_in

from config import Edgeline
from stacks.data_stack import DataStack
from stacks.promotion_stack import PromotionStack
from stacks.wildcards import WILDCARD_ACTIONS

ROOT = Path(__file__).parents[2]
REALTIME = {"kind": "realtime", "instance_type": "ml.c6i.large", "instances": 2}


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    app = cdk.App(context=json.loads((ROOT / "cdk.json").read_text())["context"])
    config = Edgeline.from_values(
        {
            "name": "edgeline",
            "models": {"tags": {"task": "detection", "classes": ["scratch"], "prod": REALTIME}},
        }
    )
    data = DataStack(app, "Data", config=config)
    stack = PromotionStack(app, "Promotion", config=config, artifacts=data.artifacts, key=data.key)
    found: dict[str, Any] = assertions.Template.from_stack(stack).to_json()
    return found


@pytest.fixture(scope="module")
def definition(template: dict[str, Any]) -> dict[str, Any]:
    return definition_in(template)


def properties(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [r["Properties"] for r in template["Resources"].values() if r["Type"] == kind]


def test_only_an_approval_in_one_of_our_groups_starts_a_promotion(template: dict[str, Any]) -> None:
    (rule,) = properties(template, "AWS::Events::Rule")
    assert rule["EventPattern"] == {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelApprovalStatus": ["Approved"], "ModelPackageGroupName": ["edgeline-tags"]},
    }


def test_an_approval_that_cannot_be_delivered_is_kept(template: dict[str, Any]) -> None:
    (rule,) = properties(template, "AWS::Events::Rule")
    (target,) = rule["Targets"]
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 100}
    assert "DeadLetterConfig" in target
    (invocation,) = properties(template, "AWS::Lambda::EventInvokeConfig")
    assert "OnFailure" in invocation["DestinationConfig"]


def test_the_state_machine_is_whole(definition: dict[str, Any]) -> None:
    assert defects(definition) == []


def test_staging_comes_before_its_test_and_its_test_and_the_approval_before_prod(
    definition: dict[str, Any],
) -> None:
    states = definition["States"]
    assert states["Test staging"]["Next"] == "Judge staging"
    assert states["Judge staging"]["Next"] == "Confirm approval"
    assert states["Confirm approval"]["Next"] == "Read prod endpoint"
    assert states["Read prod endpoint"]["Next"] == "Deploy to prod"
    assert states["Deploy to staging"]["Parameters"]["package.$"] == "$.package"


@pytest.mark.parametrize(
    ("state", "undone"),
    [
        ("Take turn", []),
        ("Read model package", []),
        ("Read staging endpoint", []),
        ("Deploy to staging", ["Put staging back"]),
        ("Check staging", ["Put staging back"]),
        ("Test staging", ["Put staging back"]),
        ("Judge staging", ["Put staging back"]),
        ("Confirm approval", ["Put staging back"]),
        ("Read prod endpoint", ["Put staging back"]),
        ("Deploy to prod", ["Put prod back", "Put staging back"]),
        ("Check prod", ["Put prod back", "Put staging back"]),
        ("Smoke prod", ["Put prod back", "Put staging back"]),
        ("Record release", ["Put prod back", "Put staging back"]),
    ],
)
def test_a_failure_undoes_what_was_deployed_and_is_recorded(
    definition: dict[str, Any], state: str, undone: list[str]
) -> None:
    passed = after_failure(definition, state)
    assert [name for name in passed if name.startswith("Put ")] == undone
    assert passed[-4:] == [
        "Record failure",
        "Give turn back after failure",
        "How did it end?",
        "Promotion failed",
    ]


def test_a_staging_test_that_does_not_finish_has_failed(definition: dict[str, Any]) -> None:
    (catch,) = definition["States"]["Test staging"]["Catch"]
    assert definition["States"][catch["Next"]]["Parameters"]["Error"] == "StagingTestFailed"


def test_the_staging_test_runs_what_the_package_names(definition: dict[str, Any]) -> None:
    job = definition["States"]["Test staging"]["Parameters"]
    assert job["AppSpecification"]["ImageUri.$"] == "$.package.image"
    uris = {source["InputName"]: source["S3Input"]["S3Uri.$"] for source in job["ProcessingInputs"]}
    assert uris == {
        "code": "$.package.code",
        "test": "$.package.test_set",
        "dataset": "$.package.dataset",
        "evaluation": "$.package.test.evaluation",
    }
    arguments = job["AppSpecification"]["ContainerArguments.$"]
    assert "'--endpoint', $.staging.endpoint" in arguments
    assert "'--component', States.JsonToString($.staging.component)" in arguments
    assert "'--evaluation', '/opt/ml/processing/input/evaluation'" in arguments


def test_the_announcement_names_the_package_and_its_record(definition: dict[str, Any]) -> None:
    (entry,) = definition["States"]["Announce promotion"]["Parameters"]["Entries"]
    assert (entry["Source"], entry["DetailType"]) == ("edgeline", "Model Promoted")
    assert {"model.$", "model_package_arn.$", "release.$"} <= entry["Detail"].keys()


def test_nothing_here_may_approve(template: dict[str, Any]) -> None:
    actions = [action for _, statement in statements_in(template) for action in actions_of(statement)]
    assert "sagemaker:DescribeModelPackage" in actions
    assert not [action for action in actions if action.startswith("sagemaker:UpdateModelPackage")]
    assert not [action for action in actions if action in ("*", "sagemaker:*")]


def test_only_listed_actions_are_allowed_on_everything(template: dict[str, Any]) -> None:
    everywhere = {
        action
        for _, statement in statements_in(template)
        if statement["Resource"] == "*"
        for action in actions_of(statement)
    }
    assert everywhere <= WILDCARD_ACTIONS.keys()


def test_roles_are_passed_to_sagemaker_only(template: dict[str, Any]) -> None:
    passing = [s for _, s in statements_in(template) if "iam:PassRole" in actions_of(s)]
    assert len(passing) == 1
    for statement in passing:
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def test_endpoints_are_touched_in_their_own_account_only(template: dict[str, Any]) -> None:
    """Nothing here has a grant on an endpoint: who acts on one has assumed a role of its environment."""
    actions = {action for _, statement in statements_in(template) for action in actions_of(statement)}
    of_sagemaker = {action for action in actions if action.startswith("sagemaker:")}
    assert of_sagemaker == {
        "sagemaker:CreateProcessingJob",
        "sagemaker:DescribeModelPackage",
        "sagemaker:DescribeProcessingJob",
        "sagemaker:StopProcessingJob",
        "sagemaker:AddTags",
    }


def test_each_function_may_become_exactly_the_promoters_that_it_needs(template: dict[str, Any]) -> None:
    becomes: dict[str, set[str]] = {}
    for name, statement in statements_in(template):
        if "sts:AssumeRole" in actions_of(statement):
            resources = statement["Resource"]
            for arn in resources if isinstance(resources, list) else [resources]:
                role = arn["Fn::Join"][1][-1].partition("role/")[2]
                becomes.setdefault(name[:-8].removesuffix("RoleDefaultPolicy"), set()).add(role)
    both = {"edgeline-staging-promoter", "edgeline-prod-promoter"}
    assert becomes == {
        "FunctionsReadEndpoint": both,
        "FunctionsDeployEndpoint": both,
        "FunctionsCheckEndpoint": both,
        "FunctionsRestoreEndpoint": both,
        "FunctionsSmokeEndpoint": {"edgeline-prod-promoter"},
        "FunctionsRecordRelease": {"edgeline-prod-promoter"},
        "StagingTest": {"edgeline-staging-tester"},
    }


def test_the_staging_test_asks_as_the_tester_in_the_releases_name(definition: dict[str, Any]) -> None:
    arguments = definition["States"]["Test staging"]["Parameters"]["AppSpecification"]
    assert ":role/edgeline-staging-tester', '--session', $.package.test.job)" in str(
        arguments["ContainerArguments.$"]
    )


@pytest.mark.parametrize(
    ("state", "environment"),
    [
        ("Read staging endpoint", "staging"),
        ("Deploy to staging", "staging"),
        ("Check staging", "staging"),
        ("Put staging back", "staging"),
        ("Read prod endpoint", "prod"),
        ("Deploy to prod", "prod"),
        ("Check prod", "prod"),
        ("Put prod back", "prod"),
        ("Smoke prod", "prod"),
    ],
)
def test_each_state_says_where_it_acts_and_in_whose_name(
    definition: dict[str, Any], state: str, environment: str
) -> None:
    given = definition["States"][state]["Parameters"]
    assert (given["environment"], given["execution.$"]) == (environment, "$$.Execution.Name")


def test_the_functions_know_each_endpoint_by_its_kind_and_how_it_is_guarded(template: dict[str, Any]) -> None:
    models = {
        function["Environment"]["Variables"]["MODELS"]
        for function in properties(template, "AWS::Lambda::Function")
        if "MODELS" in function.get("Environment", {}).get("Variables", {})
    }
    (document,) = models
    endpoints = json.loads(document)["tags"]["endpoints"]
    staging, prod = endpoints["staging"], endpoints["prod"]
    assert (staging["name"], staging["kind"]) == ("edgeline-tags-staging", "serverless")
    assert staging["variant"] == {"ServerlessConfig": {"MemorySizeInMB": 3072, "MaxConcurrency": 5}}
    assert (staging["watched"], staging["bake_seconds"], staging["scaling"]) == (False, 0, None)
    assert prod["variant"] == {"InstanceType": "ml.c6i.large", "InitialInstanceCount": 2}
    assert (prod["watched"], prod["bake_seconds"], prod["canary_percent"]) == (True, 600, 10)
    assert prod["scaling"] == {"min": 2, "max": 4, "target": 600}


def test_outputs(template: dict[str, Any]) -> None:
    outputs = template["Outputs"]
    assert outputs["StagingEndpointTags"]["Value"] == "edgeline-tags-staging"
    assert outputs["ProdEndpointTags"]["Value"] == "edgeline-tags-prod"
    assert "StateMachineArn" in outputs
