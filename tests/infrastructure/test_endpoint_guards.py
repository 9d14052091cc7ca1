"""What each kind of endpoint needs in its environment: exact grants, a topic for alarms, its removal."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from across_accounts import listed, make_app, of_kind, statements
from aws_cdk import assertions

from config import Edgeline
from stacks.names import EnvironmentName
from stacks.serving_stack import ServingStack

ACCOUNTS = {"tools": "111111111111", "staging": "222222222222", "prod": "333333333333"}
AT = "eu-west-1:333333333333"


def serving(folder: Path, kind: str, environment: EnvironmentName = "prod", **more: Any) -> dict[str, Any]:
    """The Serving stack of an environment whose endpoint is of this kind."""
    model = {"task": "detection", "classes": ["scratch"], environment: {"kind": kind}}
    given = {"accounts": {**ACCOUNTS, "region": "eu-west-1"}, "models": {"tags": model}, **more}
    config = Edgeline.from_values({"name": "edgeline", **given})
    env = cdk.Environment(account=ACCOUNTS[environment], region="eu-west-1")
    stage = cdk.Stage(make_app(folder), environment.capitalize(), env=env)
    stack = ServingStack(stage, "Serving", config=config, environment=environment)
    return dict(assertions.Template.from_stack(stack).to_json())


def granted(template: dict[str, Any], role: str) -> list[dict[str, Any]]:
    """The statements that a role of this construct has."""
    return [
        statement
        for logical_id, policy in of_kind(template, "AWS::IAM::Policy").items()
        if logical_id.startswith(role)
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def resources(template: dict[str, Any], role: str, action: str) -> set[str]:
    found = [s for s in granted(template, role) if action in listed(s["Action"])]
    return {plain(arn) for statement in found for arn in listed(statement["Resource"])}


def plain(arn: Any) -> str:
    """An ARN without its partition."""
    joined = arn["Fn::Join"][1] if isinstance(arn, dict) else [arn]
    return "".join("aws" if isinstance(part, dict) else part for part in joined)


@pytest.mark.parametrize("kind", ["serverless", "realtime", "components"])
def test_the_promoter_sets_the_alarms_of_its_own_endpoints_only(tmp_path: Path, kind: str) -> None:
    template = serving(tmp_path, kind)
    alarms = f"arn:aws:cloudwatch:{AT}:alarm:edgeline-tags-prod-*"
    put = resources(template, "Promoter", "cloudwatch:PutMetricAlarm")
    assert alarms in put
    others = {arn.partition(":alarm:")[2] for arn in put - {alarms}}
    assert (
        others
        == {
            "serverless": set(),
            "realtime": {"TargetTracking-endpoint/edgeline-tags-prod/variant/AllTraffic*"},
            "components": {"TargetTracking-inference-component/edgeline-tags-prod*"},
        }[kind]
    )


def test_sagemaker_reads_the_alarms_as_the_role_that_the_endpoint_runs_with(tmp_path: Path) -> None:
    template = serving(tmp_path, "realtime")
    read = {f"arn:aws:cloudwatch:{AT}:alarm:*"}
    assert resources(template, "ModelRole", "cloudwatch:DescribeAlarms") == read
    assert resources(template, "ModelRole", "cloudwatch:PutMetricAlarm") == set()


@pytest.mark.parametrize(
    ("kind", "dimensions"),
    [
        ("serverless", None),
        ("realtime", ["sagemaker:variant:DesiredInstanceCount"]),
        ("components", ["sagemaker:inference-component:DesiredCopyCount"]),
    ],
)
def test_only_what_scales_may_be_registered(tmp_path: Path, kind: str, dimensions: list[str] | None) -> None:
    action = "application-autoscaling:RegisterScalableTarget"
    found = [s for s in granted(serving(tmp_path, kind), "Promoter") if action in listed(s["Action"])]
    conditions = [s["Condition"]["StringEquals"] for s in found]
    allowed = [listed(c["application-autoscaling:scalable-dimension"]) for c in conditions]
    assert allowed == ([dimensions] if dimensions else [])


def test_components_are_made_updated_and_asked_by_their_names(tmp_path: Path) -> None:
    template = serving(tmp_path, "components")
    component = f"arn:aws:sagemaker:{AT}:inference-component/edgeline-tags-prod"
    for action in ("Create", "Update", "Describe", "Delete"):
        assert component in resources(template, "Promoter", f"sagemaker:{action}InferenceComponent")
    asked = resources(template, "Promoter", "sagemaker:InvokeEndpoint")
    assert asked == {component, f"arn:aws:sagemaker:{AT}:endpoint/edgeline-tags-prod"}
    without = json.dumps(serving(tmp_path / "other", "realtime"))
    assert "InferenceComponent" not in without


def test_staging_has_no_alarms(tmp_path: Path) -> None:
    template = serving(tmp_path, "serverless", "staging")
    assert "cloudwatch:PutMetricAlarm" not in json.dumps([*statements(template)])


def test_a_topic_of_the_alarms_is_there_where_somebody_reads_it(tmp_path: Path) -> None:
    assert of_kind(serving(tmp_path, "serverless"), "AWS::SNS::Topic") == {}
    told = serving(tmp_path / "told", "serverless", promotion={"email": "me@example.com"})
    (topic,) = of_kind(told, "AWS::SNS::Topic").values()
    assert topic["TopicName"] == "edgeline-prod-alarms"
    (subscription,) = of_kind(told, "AWS::SNS::Subscription").values()
    assert subscription["Endpoint"] == "me@example.com"
    (policy,) = of_kind(told, "AWS::SNS::TopicPolicy").values()
    (publishing,) = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
    assert publishing["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert len(publishing["Condition"]["ArnEquals"]["aws:SourceArn"]) == 4


@pytest.mark.parametrize("kind", ["serverless", "realtime", "components"])
def test_with_the_stack_go_alarms_targets_and_components(tmp_path: Path, kind: str) -> None:
    template = serving(tmp_path, kind)
    (removal,) = of_kind(template, "Custom::EndpointsOnDelete").values()
    name = "edgeline-tags-prod"
    target = {
        "serverless": [],
        "realtime": [
            {
                "ResourceId": f"endpoint/{name}/variant/AllTraffic",
                "Dimension": "sagemaker:variant:DesiredInstanceCount",
            }
        ],
        "components": [
            {
                "ResourceId": f"inference-component/{name}",
                "Dimension": "sagemaker:inference-component:DesiredCopyCount",
            }
        ],
    }[kind]
    assert removal["Scaled"] == target
    assert removal["Components"] == ([name] if kind == "components" else [])
    deleting = resources(template, "RemoveLeftovers", "cloudwatch:DeleteAlarms")
    assert f"arn:aws:cloudwatch:{AT}:alarm:{name}-*" in deleting
    assert removal["Alarms"]
    assert all(alarm.startswith(f"{name}-") for alarm in removal["Alarms"])
