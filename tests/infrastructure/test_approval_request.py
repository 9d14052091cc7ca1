"""The request for approval: whatever fails on the way, a person is asked, or told that there is no page."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_sns as sns
from machines import actions_of, after_failure, defects, definition_in, statements_in

from config import Edgeline
from stacks.constructs.approval_request import ApprovalRequest
from stacks.constructs.promotion_functions import PromotionFunctions
from stacks.data_stack import DataStack

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    app = cdk.App(context=json.loads((ROOT / "cdk.json").read_text())["context"])
    models = {"tags": {"task": "detection", "classes": ["scratch"]}}
    config = Edgeline.from_values({"name": "edgeline", "models": models})
    data = DataStack(app, "Data", config=config)
    stack = cdk.Stack(app, "Requests")
    kept = {"artifacts": data.artifacts, "key": data.key}
    ApprovalRequest(
        stack,
        "ApprovalRequest",
        name="edgeline",
        groups=["edgeline-tags"],
        functions=PromotionFunctions(stack, "Functions", config=config, **kept),
        topic=sns.Topic(stack, "Notices"),
        tags={"project": "edgeline"},
        **kept,
    )
    found: dict[str, Any] = assertions.Template.from_stack(stack).to_json()
    return found


@pytest.fixture(scope="module")
def definition(template: dict[str, Any]) -> dict[str, Any]:
    return definition_in(template)


def of_kind(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [r["Properties"] for r in template["Resources"].values() if r["Type"] == kind]


def test_only_a_package_of_ours_that_waits_starts_a_request(template: dict[str, Any]) -> None:
    (rule,) = of_kind(template, "AWS::Events::Rule")
    assert rule["EventPattern"] == {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {
            "ModelApprovalStatus": ["PendingManualApproval"],
            "ModelPackageGroupName": ["edgeline-tags"],
        },
    }


def test_the_state_machine_is_whole_and_has_its_name(
    template: dict[str, Any], definition: dict[str, Any]
) -> None:
    assert defects(definition) == []
    (machine,) = of_kind(template, "AWS::StepFunctions::StateMachine")
    assert machine["StateMachineName"] == "edgeline-approval-request"


@pytest.mark.parametrize("state", ["Read prod", "Evaluate prod's model"])
def test_without_a_comparison_there_is_a_page_all_the_same(definition: dict[str, Any], state: str) -> None:
    """After a failed state comes what makes the page, and with it the request."""
    (catch,) = definition["States"][state]["Catch"]
    follower = catch["Next"]
    assert follower in ("Plan comparison", "Write approval page")
    assert definition["States"]["Write approval page"]["Next"] == "Ask for approval"


@pytest.mark.parametrize("state", ["Plan comparison", "Write approval page", "Ask for approval"])
def test_without_a_page_people_are_told(definition: dict[str, Any], state: str) -> None:
    assert after_failure(definition, state) == ["Tell that there is no page", "Request failed"]


def test_the_models_are_measured_by_one_rule(definition: dict[str, Any]) -> None:
    job = definition["States"]["Evaluate prod's model"]["Parameters"]
    uris = {source["InputName"]: source["S3Input"]["S3Uri.$"] for source in job["ProcessingInputs"]}
    assert uris == {name: f"$.plan.comparison.{name}" for name in ("code", "model", "test_set", "dataset")}
    assert "--model-dir=/opt/ml/processing/input/model" in job["AppSpecification"]["ContainerArguments"]


def test_nothing_here_may_approve_or_change_an_endpoint(template: dict[str, Any]) -> None:
    ours = {
        action
        for name, statement in statements_in(template)
        if name.startswith("ApprovalRequest")
        for action in actions_of(statement)
        if action.startswith("sagemaker:")
    }
    assert ours == {
        "sagemaker:AddTags",
        "sagemaker:CreateProcessingJob",
        "sagemaker:DescribeModelPackage",
        "sagemaker:DescribeProcessingJob",
        "sagemaker:StopProcessingJob",
    }


def test_the_job_of_unapproved_code_reads_models_and_data_and_writes_comparisons(
    template: dict[str, Any],
) -> None:
    allowed = [s for name, s in statements_in(template) if name.startswith("ApprovalRequestComparisonRole")]
    written = [s["Resource"] for s in allowed if "s3:PutObject" in actions_of(s)]
    assert [ends(resource) for resource in written] == [["/releases/*/comparison/*"]]
    (read,) = [s["Resource"] for s in allowed if actions_of(s) == ["s3:GetObject"]]
    wanted = {"/runs/*/test*", "/runs/*/dataset*", "/runs/*/model.tar.gz*", "/code/*"}
    assert set(ends(read)) == wanted
    assert not [s for s in allowed if "sts:AssumeRole" in actions_of(s)]


def test_pages_are_written_nowhere_else(template: dict[str, Any]) -> None:
    writes = [
        ends(statement["Resource"])
        for name, statement in statements_in(template)
        if name.startswith("ApprovalRequestWriteApprovalPage") and "s3:PutObject" in actions_of(statement)
    ]
    assert writes == [["/releases/*/approval*.html"]]


def ends(resource: Any) -> list[str]:
    listed = resource if isinstance(resource, list) else [resource]
    return [arn["Fn::Join"][1][-1] for arn in listed]
