"""The budget, who hears of it, and the tags that it counts by."""

from pathlib import Path
from typing import Any

import pytest
from across_accounts import make_app
from aws_cdk.assertions import Template as CdkTemplate
from cloud_assembly import Assembly, Template

from config import Edgeline
from stacks.cost_stack import CostStack
from stacks.data_stack import DataStack

CONFIG = {"name": "edgeline", "models": {"tags": {"task": "detection", "classes": ["scratch"]}}}


@pytest.fixture
def cost(templates: dict[str, Template]) -> Template:
    return templates["Cost"]


def only(template: Template, kind: str) -> dict[str, Any]:
    (found,) = [r["Properties"] for r in template["Resources"].values() if r["Type"] == kind]
    return dict(found)


def test_it_counts_what_has_the_tag_of_the_project_and_tells_before_it_is_spent(cost: Template) -> None:
    budget = only(cost, "AWS::Budgets::Budget")
    assert budget["Budget"]["CostFilters"] == {"TagKeyValue": ["user:project$edgeline"]}
    assert budget["Budget"]["BudgetLimit"] == {"Amount": 200, "Unit": "USD"}
    told = [
        (n["Notification"]["NotificationType"], n["Notification"]["Threshold"])
        for n in budget["NotificationsWithSubscribers"]
    ]
    assert told == [("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)]


def test_only_the_budgets_of_this_account_publish_to_the_topic(cost: Template) -> None:
    statements = only(cost, "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    (allowed,) = [statement for statement in statements if statement["Effect"] == "Allow"]
    assert allowed["Principal"] == {"Service": "budgets.amazonaws.com"}
    assert allowed["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert "aws:SourceArn" in allowed["Condition"]["ArnLike"]


def test_the_key_of_the_topic_lets_the_budgets_use_it(templates: dict[str, Template]) -> None:
    statements = only(templates["Data"], "AWS::KMS::Key")["KeyPolicy"]["Statement"]
    (budgets,) = [s for s in statements if s["Principal"] == {"Service": "budgets.amazonaws.com"}]
    assert set(budgets["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}
    assert set(budgets["Condition"]) == {"StringEquals", "ArnLike"}


def test_an_address_is_told_with_every_notification(tmp_path: Path) -> None:
    app = make_app(tmp_path)
    config = Edgeline.from_values({**CONFIG, "budget": {"monthly_usd": 50, "email": "me@example.com"}})
    data = DataStack(app, "Data", config=config)
    template = CdkTemplate.from_stack(CostStack(app, "Cost", config=config, key=data.key)).to_json()
    for notification in only(template, "AWS::Budgets::Budget")["NotificationsWithSubscribers"]:
        kinds = {subscriber["SubscriptionType"] for subscriber in notification["Subscribers"]}
        assert kinds == {"SNS", "EMAIL"}


def test_everything_that_can_bill_has_the_three_tags(assembly: Assembly) -> None:
    tagged = 0
    for stack, logical_id, resource in assembly.resources():
        tags = resource.get("Properties", {}).get("Tags")
        if isinstance(tags, list):
            tagged += 1
            keys = {tag["Key"] for tag in tags}
            assert keys >= {"project", "environment", "part"}, f"{stack}/{logical_id}"
        elif tags is None:
            assert resource["Type"] not in BILLED, f"{stack}/{logical_id} has no tags"
    assert tagged > 100


BILLED = (
    "AWS::CodeBuild::Project",
    "AWS::CodePipeline::Pipeline",
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::StepFunctions::StateMachine",
)


@pytest.mark.parametrize(
    ("stack", "environment", "part"),
    [
        ("Data", "tools", "data"),
        ("Prod/Serving", "prod", "serving"),
        ("Staging/Serving", "staging", "serving"),
    ],
)
def test_tags_name_environment_and_part(
    templates: dict[str, Template], stack: str, environment: str, part: str
) -> None:
    tags = [
        {tag["Key"]: tag["Value"] for tag in resource["Properties"]["Tags"]}
        for resource in templates[stack]["Resources"].values()
        if resource["Type"] in BILLED
    ]
    assert tags
    assert all(found == {"project": "edgeline", "environment": environment, "part": part} for found in tags)
