"""What CloudFormation may do: what the templates need, of this project, and no more."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from across_accounts import Across

from local.doctor.assembly import Stack
from local.doctor.execution_policy import POLICY, allowed_services, services_of

# What CloudFormation uses beside the resources themselves: the bootstrap's version, kept as a parameter.
BESIDE = {"ssm"}
# AWS and CloudFormation name them, without the project's name.
MAY_BE_ANY = {"apigateway", "cloudfront", "codebuild", "cognito-idp"}


@pytest.fixture(scope="module")
def policy() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(POLICY.read_text())
    return document


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_it_covers_exactly_the_services_of_the_templates(across: Across, policy: dict[str, Any]) -> None:
    stacks = [Stack(path, path, template) for path, template in across.templates.items()]
    used = services_of(stacks)
    assert {"codepipeline", "iam", "sagemaker", "states"} <= used, "the walk no longer finds the resources"
    assert allowed_services(policy) - BESIDE == used


def test_it_fits_into_a_managed_policy() -> None:
    assert len(re.sub(r"\s", "", POLICY.read_text())) <= 6144


def test_it_is_no_administrator(policy: dict[str, Any]) -> None:
    for statement in policy["Statement"]:
        assert "NotAction" not in statement
        assert "NotResource" not in statement
        for action in listed(statement["Action"]):
            assert action not in ("*", "iam:*"), statement["Sid"]
            if "*" in listed(statement["Resource"]):
                assert "*" not in action, f"{action} on everything"
                assert not action.startswith("iam:")


def test_roles_and_policies_are_those_of_the_project(policy: dict[str, Any]) -> None:
    for statement in policy["Statement"]:
        if any(action.startswith("iam:") for action in listed(statement["Action"])):
            for resource in listed(statement["Resource"]):
                assert re.fullmatch(
                    r"arn:\*:iam::\*:(role|policy)/(edgeline-\*|aws-service-role/ops\.apigateway\.amazonaws\.com/\*)",
                    resource,
                )


def test_what_can_have_a_name_is_named(policy: dict[str, Any]) -> None:
    (named,) = [s for s in policy["Statement"] if s["Sid"] == "WhatHasANameOfThisProject"]
    assert all("edgeline" in resource or "API-Gateway" in resource for resource in named["Resource"])
    assert not {action.partition(":")[0] for action in named["Action"]} & MAY_BE_ANY


def test_physical_names_of_the_templates_are_within_it(across: Across) -> None:
    """A role, table, topic or thing with a name of its own has to begin as the policy expects it."""
    keys = ("RoleName", "TableName", "TopicName", "QueueName", "RoleAlias", "ThingGroupName", "FunctionName")
    for path, template in across.templates.items():
        for logical_id, resource in template["Resources"].items():
            for key in keys:
                name = resource.get("Properties", {}).get(key, "edgeline-")
                if isinstance(name, str):
                    assert name.startswith("edgeline-"), f"{path}/{logical_id}: {name}"


def test_the_policy_lies_where_the_readme_says() -> None:
    root = Path(__file__).parents[2]
    assert str(POLICY.relative_to(root)) in (root / "README.md").read_text()
