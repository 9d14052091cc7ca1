import json
import re
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from machines import actions_of, after_failure, defects, definition_in, holders_of, statements_in, way

from config import Edgeline
from lambdas.promotion.plan_comparison import job_prefix
from lambdas.promotion.read_model_package import staging_test
from lambdas.promotion.settings import ModelSettings
from stacks.constructs.promotion_functions import configured_models
from stacks.data_stack import DataStack
from stacks.promotion_stack import PromotionStack
from stacks.wildcards import WILDCARD_ACTIONS

ROOT = Path(__file__).parents[2]
REALTIME = {"kind": "realtime", "instance_type": "ml.c6i.large", "instances": 2}


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return synthesized("edgeline", "tags")


def configuration(name: str, model: str) -> Edgeline:
    return Edgeline.from_values(
        {
            "name": name,
            "promotion": {"email": "quality@example.com"},
            "models": {model: {"task": "detection", "classes": ["scratch"], "prod": REALTIME}},
        }
    )


def synthesized(name: str, model: str) -> dict[str, Any]:
    app = cdk.App(context=json.loads((ROOT / "cdk.json").read_text())["context"])
    config = configuration(name, model)
    data = DataStack(app, "Data", config=config)
    stack = PromotionStack(app, "Promotion", config=config, artifacts=data.artifacts, key=data.key)
    found: dict[str, Any] = assertions.Template.from_stack(stack).to_json()
    return found


@pytest.fixture(scope="module")
def definition(template: dict[str, Any]) -> dict[str, Any]:
    return definition_in(template, holding="Take turn")


def properties(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [r["Properties"] for r in template["Resources"].values() if r["Type"] == kind]


def test_a_decision_in_one_of_our_groups_and_an_end_of_our_executions_start_it(
    template: dict[str, Any],
) -> None:
    patterns = [rule["EventPattern"] for rule in properties(template, "AWS::Events::Rule")]
    decisions = [pattern["detail"] for pattern in patterns if pattern["source"] == ["aws.sagemaker"]]
    assert decisions == [
        {"ModelApprovalStatus": [status], "ModelPackageGroupName": ["edgeline-tags"]}
        for status in ("Approved", "Rejected", "PendingManualApproval")
    ]
    (end,) = [pattern["detail"] for pattern in patterns if pattern["source"] == ["aws.states"]]
    assert end["status"] == ["ABORTED", "TIMED_OUT", "FAILED"]
    assert "WorkflowStateMachine" in str(end["stateMachineArn"])


def test_a_decision_that_cannot_be_delivered_is_kept(template: dict[str, Any]) -> None:
    rules = properties(template, "AWS::Events::Rule")
    assert len(rules) == len(properties(template, "AWS::Lambda::EventInvokeConfig")) == 4
    for rule in rules:
        (target,) = rule["Targets"]
        assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 100}
        assert "DeadLetterConfig" in target
    for invocation in properties(template, "AWS::Lambda::EventInvokeConfig"):
        assert "OnFailure" in invocation["DestinationConfig"]


def test_the_state_machine_is_whole(definition: dict[str, Any]) -> None:
    assert defects(definition) == []


def test_staging_comes_before_its_test_and_its_test_and_the_approval_before_prod(
    definition: dict[str, Any],
) -> None:
    assert way(definition, "Read model package", to="Promoted", waiting_for="ready") == [
        "Read model package",
        "Check artifacts",
        "Mark in staging",
        "Read staging endpoint",
        "Deploy to staging",
        "No steps in staging yet",
        "Check staging",
        "Is staging in service?",
        "Test staging",
        "Judge staging",
        "Mark passed staging",
        "Confirm approval",
        "Check artifacts for prod",
        "Read prod endpoint",
        "Mark in prod",
        "Deploy to prod",
        "No steps in prod yet",
        "Check prod",
        "Is prod in service?",
        "Smoke prod",
        "Confirm approval in prod",
        "Mark serving",
        "Record release",
        "Enter release",
        "Announce promotion",
        "Has staging had it?",
        "Tell of promotion",
        "Give turn back",
        "Is all done?",
        "Promoted",
    ]
    assert definition["States"]["Deploy to staging"]["Parameters"]["package.$"] == "$.package"


def test_a_way_back_goes_to_prod_first_and_staging_follows(definition: dict[str, Any]) -> None:
    states = definition["States"]
    assert way(definition, "Read what prod serves", to="Read prod endpoint") == [
        "Read what prod serves",
        "Was one cut off?",
        "Find release",
        "Is anything to be done?",
        "Read released package",
        "Does prod serve it already?",
        "Check artifacts for prod",
        "Read prod endpoint",
    ]
    assert states["Has staging had it?"]["Default"] == "Deploy to staging too"
    for state in ("Deploy to staging too", "Check staging too"):
        (catch,) = states[state]["Catch"]
        assert (catch["ResultPath"], catch["Next"]) == ("$.staging_failure", "Tell of promotion")


def test_what_was_cut_off_is_recorded_under_its_own_name(definition: dict[str, Any]) -> None:
    states = definition["States"]
    cut_off = {"Variable": "$.cut_off", "IsPresent": True, "Next": "Mark what was cut off"}
    assert states["Was one cut off?"]["Choices"] == [cut_off]
    record = states["Record what was cut off"]
    assert record["Parameters"]["execution.$"] == "$.cut_off.execution"
    assert record["Next"] == "Find release"


@pytest.mark.parametrize(
    ("state", "then", "kept"),
    [
        ("Mark in staging", "Read staging endpoint", "$.mark_failure"),
        ("Mark passed staging", "Confirm approval", "$.mark_failure"),
        ("Mark in prod", "Deploy to prod", "$.mark_failure"),
        ("Mark serving", "Record release", "$.mark_failure"),
        ("Mark failure", "Record failure", "$.mark_failure"),
        ("Tell of promotion", "Give turn back", "$.notice_failure"),
        ("Tell of failure", "Give turn back after failure", "$.notice_failure"),
        ("Enter release", "Announce promotion", "$.ledger_failure"),
        ("Announce promotion", "Has staging had it?", "$.announcement_failure"),
    ],
)
def test_what_only_tells_of_a_promotion_does_not_stop_it(
    definition: dict[str, Any], state: str, then: str, kept: str
) -> None:
    (catch,) = definition["States"][state]["Catch"]
    assert (definition["States"][state]["Next"], catch["Next"], catch["ResultPath"]) == (then, then, kept)


def test_what_could_not_be_finished_ends_by_its_name(definition: dict[str, Any]) -> None:
    ends = {rule["Variable"]: rule["Next"] for rule in definition["States"]["Is all done?"]["Choices"]}
    errors = {path: definition["States"][name]["Error"] for path, name in ends.items()}
    assert errors == {
        "$.ledger_failure": "LedgerFailed",
        "$.announcement_failure": "AnnouncementFailed",
        "$.staging_failure": "StagingIsBehind",
    }


@pytest.mark.parametrize(
    ("state", "undone"),
    [
        ("Take turn", []),
        ("Read model package", []),
        ("Check artifacts", []),
        ("Read staging endpoint", []),
        ("Deploy to staging", ["Put staging back"]),
        ("Check staging", ["Put staging back"]),
        ("Test staging", ["Put staging back"]),
        ("Judge staging", ["Put staging back"]),
        ("Confirm approval", ["Put staging back"]),
        ("Check artifacts for prod", ["Put staging back"]),
        ("Read prod endpoint", ["Put staging back"]),
        ("Deploy to prod", ["Put prod back", "Put staging back"]),
        ("Check prod", ["Put prod back", "Put staging back"]),
        ("Smoke prod", ["Put prod back", "Put staging back"]),
        ("Confirm approval in prod", ["Put prod back", "Put staging back"]),
        ("Record release", ["Put prod back", "Put staging back"]),
        ("Read what prod serves", []),
        ("Find release", []),
        ("Read released package", []),
    ],
)
def test_a_failure_undoes_what_was_deployed_and_is_recorded(
    definition: dict[str, Any], state: str, undone: list[str]
) -> None:
    passed = after_failure(definition, state)
    assert [name for name in passed if name.startswith("Put ")] == undone
    assert passed[-6:] == [
        "Mark failure",
        "Record failure",
        "Tell of failure",
        "Give turn back after failure",
        "How did it end?",
        "Promotion failed",
    ]


def test_a_staging_test_that_does_not_finish_has_failed(definition: dict[str, Any]) -> None:
    (catch,) = definition["States"]["Test staging"]["Catch"]
    assert definition["States"][catch["Next"]]["Parameters"]["Error"] == "StagingTestFailed"


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("Test staging", "SageMaker.ResourceLimitExceededException"),
        ("Test staging", "SageMaker.AmazonSageMakerException"),
        ("Check prod", "ConcurrentUpdateException"),
        ("Check artifacts", "ResponseStreamingError"),
    ],
)
def test_what_passes_by_itself_is_tried_again(definition: dict[str, Any], state: str, error: str) -> None:
    assert error in {name for rule in definition["States"][state]["Retry"] for name in rule["ErrorEquals"]}


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
    assert not [action for action in actions if action in ("*", "sagemaker:*")]
    (marking,) = [s for _, s in statements_in(template) if "sagemaker:UpdateModelPackage" in actions_of(s)]
    assert marking["Condition"] == {
        "Null": {"sagemaker:ModelApprovalStatus": "true"},
        "StringEquals": {"sagemaker:ModelLifeCycle:stage": ["Staging", "Production"]},
    }
    assert holders_of(template, "sagemaker:UpdateModelPackage") == {"LifeCycleMarkPackageRoleDefaultPolicy"}


def test_whoever_changes_an_endpoint_can_see_whose_turn_it_is(
    template: dict[str, Any], definition: dict[str, Any]
) -> None:
    for state in ("Deploy to staging", "Put staging back", "Deploy to prod", "Put prod back"):
        held = definition["States"][state]["Parameters"]["turn"]
        assert held == {"line.$": "$.turn.line", "holder.$": "$$.Execution.Id"}
    looking = {
        name[:-8].removesuffix("RoleDefaultPolicy")
        for name, statement in statements_in(template)
        if "dynamodb:GetItem" in actions_of(statement)
    }
    assert {"FunctionsDeployEndpoint", "FunctionsRestoreEndpoint", "WorkflowTurnsTakeTurn"} <= looking


def test_a_turn_lasts_no_longer_than_an_execution_may_run(
    template: dict[str, Any], definition: dict[str, Any]
) -> None:
    (take,) = [
        function["Environment"]["Variables"]
        for function in properties(template, "AWS::Lambda::Function")
        if function["Handler"] == "lambdas.common.take_turn.handler"
    ]
    assert int(take["LEASE_SECONDS"]) == definition["TimeoutSeconds"]


def test_notices_are_encrypted_and_go_to_whom_the_configuration_names(template: dict[str, Any]) -> None:
    (topic,) = properties(template, "AWS::SNS::Topic")
    assert "KmsMasterKeyId" in topic
    (subscription,) = properties(template, "AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "quality@example.com")


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
    assert len(passing) == 2, "that of the staging test and that of the comparison"
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
        "sagemaker:UpdateModelPackage",
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
        "AuditorPolicy": {"edgeline-staging-auditor", "edgeline-prod-auditor"},
    }


def test_the_jobs_of_the_longest_names_are_those_that_the_state_machines_may_start() -> None:
    name, model = "a" * 20, "b" * 24
    allowed = re.findall(r":processing-job/([^*\"]+)\*", json.dumps(synthesized(name, model)))
    group = f"{name}-{model}"
    settings = ModelSettings(group, (), 0.02, "ml.m5.large", {})
    package = {
        "ModelPackageArn": f"arn:aws:sagemaker:eu-west-1:111111111111:model-package/{group}/99999",
        "CustomerMetadataProperties": {"evaluation": "s3://artifacts/runs/r/evaluation/evaluation.json"},
    }
    test = staging_test(package, model, settings, "artifacts", "execution")["job"]
    assert len(test) <= 63
    assert any(test.startswith(prefix) for prefix in allowed), (test, allowed)
    assert job_prefix(group) in allowed


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


def test_the_functions_know_each_endpoint_by_its_kind_and_how_it_is_guarded() -> None:
    endpoints = configured_models(configuration("edgeline", "tags"))["tags"]["endpoints"]
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
