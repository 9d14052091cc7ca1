"""How the ledger learns of images: what is deployed for it, and what it may do."""

import json
from typing import Any

import pytest
from cloud_assembly import Template
from machines import actions_of, definition_in, statements_in


@pytest.fixture(scope="module")
def template(templates: dict[str, Template]) -> Template:
    [found] = [
        template
        for template in templates.values()
        if any(name.startswith("ImageWatch") for name in template["Resources"])
    ]
    return found


def watching(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    """Properties of the watch's resources of a type, by logical id."""
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if name.startswith("ImageWatch") and resource["Type"] == kind
    }


def queue(template: Template, name: str) -> tuple[str, dict[str, Any]]:
    [found] = [
        (logical_id, properties)
        for logical_id, properties in watching(template, "AWS::SQS::Queue").items()
        if logical_id.startswith(f"ImageWatch{name}")
    ]
    return found


def test_the_bucket_of_the_images_tells_of_them(templates: dict[str, Template]) -> None:
    telling = [
        name
        for template in templates.values()
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::S3::Bucket"
        and "EventBridgeConfiguration" in resource["Properties"].get("NotificationConfiguration", {})
    ]
    assert [name[:-8] for name in telling if name.startswith("Images")] == ["Images"]
    functions = [name for template in templates.values() for name in template["Resources"]]
    assert not [name for name in functions if name.startswith("BucketNotifications")]


def test_events_of_images_go_through_a_queue_in_batches(template: Template) -> None:
    events, properties = queue(template, "Events")
    [rule] = [rule for rule in watching(template, "AWS::Events::Rule").values() if "EventPattern" in rule]
    pattern = rule["EventPattern"]
    assert pattern["detail-type"] == ["Object Created", "Object Deleted"]
    assert pattern["detail"]["object"] == {"key": [{"prefix": "images/"}]}
    assert [target["Arn"]["Fn::GetAtt"][0] for target in rule["Targets"]] == [events]
    [source] = watching(template, "AWS::Lambda::EventSourceMapping").values()
    assert source["EventSourceArn"]["Fn::GetAtt"][0] == events
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    [notice] = [
        function
        for function in watching(template, "AWS::Lambda::Function").values()
        if function["Handler"].endswith("notice_images.handler")
    ]
    assert properties["VisibilityTimeout"] >= 6 * notice["Timeout"], "as Lambda recommends"


def test_an_event_that_keeps_failing_is_kept(template: Template) -> None:
    lost, properties = queue(template, "DeadLetters")
    redrive = queue(template, "Events")[1]["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"]["Fn::GetAtt"][0] == lost
    assert properties["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_each_model_is_reconciled_once_a_day(template: Template) -> None:
    rules = watching(template, "AWS::Events::Rule").values()
    daily = [rule for rule in rules if rule.get("ScheduleExpression") == "rate(1 day)"]
    assert [json.loads(rule["Targets"][0]["Input"]) for rule in daily] == [{"model": "tags"}]


def test_a_reconciliation_that_ran_out_of_time_goes_on(template: Template) -> None:
    state = definition_in(template, holding="Compare the bucket with the ledger")["States"][
        "Compare the bucket with the ledger"
    ]
    assert state["Retry"][0] == {
        "ErrorEquals": ["OutOfTime"], "IntervalSeconds": 1, "MaxAttempts": 90, "BackoffRate": 1,
    }  # fmt: skip
    assert state["Parameters"]["execution.$"] == "$$.Execution.Id", "its place is kept under that name"


def test_who_watches_changes_no_image_and_no_label(template: Template) -> None:
    actions = {
        action
        for name, statement in statements_in(template)
        if name.startswith(("ImageWatchNotice", "ImageWatchReconcileImages"))
        for action in actions_of(statement)
        if action.startswith(("s3:", "sagemaker:", "states:", "dynamodb:"))
    }
    assert actions == {
        "s3:GetObject", "s3:ListBucket",
        "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:Query",
    }  # fmt: skip


def test_the_operator_may_start_it(template: Template) -> None:
    assert "ReconciliationArn" in template["Outputs"]
    [(machine, _)] = watching(template, "AWS::StepFunctions::StateMachine").items()
    started = [
        resource
        for name, statement in statements_in(template)
        if name.startswith("OperatorPolicy") and "states:StartExecution" in actions_of(statement)
        for resource in statement["Resource"]
    ]
    assert {"Ref": machine} in started
