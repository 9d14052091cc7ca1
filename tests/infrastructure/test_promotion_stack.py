import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from machines import actions_of, after_failure, defects, definition_in, holders_of, statements_in

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
    assert uris == {"code": "$.package.code", "test": "$.package.test_set", "dataset": "$.package.dataset"}
    assert "'--endpoint', $.staging.endpoint" in job["AppSpecification"]["ContainerArguments.$"]


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
    assert len(passing) == 2
    for statement in passing:
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def test_staging_is_invoked_by_its_test_and_prod_by_the_smoke_test(template: dict[str, Any]) -> None:
    invoking = {
        name: json.dumps(statement["Resource"])
        for name, statement in statements_in(template)
        if "sagemaker:InvokeEndpoint" in actions_of(statement)
    }
    staging = [name for name, endpoints in invoking.items() if "edgeline-tags-staging" in endpoints]
    prod = [name for name, endpoints in invoking.items() if "edgeline-tags-prod" in endpoints]
    assert [name[:-8] for name in staging] == ["StagingTestRoleDefaultPolicy"]
    assert "FunctionsSmokeEndpointRoleDefaultPolicy" in [name[:-8] for name in prod]
    assert not set(staging) & set(prod)


def test_the_containers_behind_the_endpoints_read_models_and_nothing_else(template: dict[str, Any]) -> None:
    reading = [
        statement
        for name, statement in statements_in(template)
        if name.startswith("ModelRole") and "s3:GetObject" in actions_of(statement)
    ]
    assert len(reading) == 1
    assert json.dumps(reading[0]["Resource"]).endswith('"/runs/*/model.tar.gz"]]}')


def test_endpoints_are_changed_by_the_two_functions_that_deploy_and_go_back(template: dict[str, Any]) -> None:
    deployers = {"FunctionsDeployEndpointRoleDefaultPolicy", "FunctionsRestoreEndpointRoleDefaultPolicy"}
    assert holders_of(template, "sagemaker:UpdateEndpoint") == deployers
    assert holders_of(template, "sagemaker:CreateModel") == {"FunctionsDeployEndpointRoleDefaultPolicy"}


def test_each_kind_of_endpoint_has_its_variant(template: dict[str, Any]) -> None:
    models = {
        function["Environment"]["Variables"]["MODELS"]
        for function in properties(template, "AWS::Lambda::Function")
        if "MODELS" in function.get("Environment", {}).get("Variables", {})
    }
    (document,) = models
    endpoints = json.loads(document)["tags"]["endpoints"]
    assert endpoints["staging"] == {
        "name": "edgeline-tags-staging",
        "variant": {"ServerlessConfig": {"MemorySizeInMB": 3072, "MaxConcurrency": 5}},
    }
    assert endpoints["prod"]["variant"] == {"InstanceType": "ml.c6i.large", "InitialInstanceCount": 2}


def test_outputs(template: dict[str, Any]) -> None:
    outputs = template["Outputs"]
    assert outputs["StagingEndpointTags"]["Value"] == "edgeline-tags-staging"
    assert outputs["ProdEndpointTags"]["Value"] == "edgeline-tags-prod"
    assert "StateMachineArn" in outputs
