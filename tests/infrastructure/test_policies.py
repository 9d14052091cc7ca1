"""Least privilege, checked in every policy of every stack."""

import json
import re
from collections.abc import Iterator
from typing import Any

from cloud_assembly import Assembly

from stacks.wildcards import WILDCARD_ACTIONS

Statement = dict[str, Any]

# What CDK's own grants write; only the build projects' roles have them, on named resources.
PATTERNS_OF_CDK = {"s3:GetObject*", "s3:GetBucket*", "s3:List*", "kms:ReEncrypt*", "kms:GenerateDataKey*"}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def identity_statements(assembly: Assembly) -> Iterator[tuple[str, Statement]]:
    """Statements of IAM policies, roles and IoT policies: what principals may do."""
    for stack, logical_id, resource in assembly.resources():
        properties = resource.get("Properties", {})
        inline = properties.get("Policies", []) if resource["Type"].startswith("AWS::IAM::") else []
        documents = [policy["PolicyDocument"] for policy in inline]
        if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IoT::Policy"):
            documents.append(properties["PolicyDocument"])
        for document in documents:
            for statement in listed(document["Statement"]):
                yield f"{stack}/{logical_id}", statement


def allowed(assembly: Assembly) -> list[tuple[str, Statement]]:
    statements = [(where, s) for where, s in identity_statements(assembly) if s["Effect"] == "Allow"]
    assert len(statements) > 50, "the walk no longer finds the policies"
    return statements


def wildcard_violations(statements: list[tuple[str, Statement]]) -> list[str]:
    return [
        f"{where}: {action} on *"
        for where, statement in statements
        if "*" in listed(statement["Resource"])
        for action in listed(statement["Action"])
        if action not in WILDCARD_ACTIONS
    ]


def test_a_bare_star_is_a_resource_of_listed_actions_only(assembly: Assembly) -> None:
    assert wildcard_violations(allowed(assembly)) == []


def test_the_walk_catches_a_planted_star() -> None:
    planted = {"Effect": "Allow", "Action": ["s3:GetObject", "xray:PutTraceSegments"], "Resource": "*"}
    assert wildcard_violations([("Here", planted)]) == ["Here: s3:GetObject on *"]


# Which test_studio_stack.py finds there: the app of the other tests has no Studio.
STUDIO_LISTS = {f"sagemaker:List{what}" for what in ("Apps", "Domains", "Spaces", "UserProfiles")}


def test_every_action_of_the_list_is_needed(assembly: Assembly) -> None:
    used = STUDIO_LISTS | {
        action
        for _, statement in allowed(assembly)
        if "*" in listed(statement["Resource"])
        for action in listed(statement["Action"])
    }
    assert set(WILDCARD_ACTIONS) - used == set()
    assert all(len(reason) > 10 for reason in WILDCARD_ACTIONS.values())


def test_actions_are_named_in_full(assembly: Assembly) -> None:
    patterns = {
        (where, action)
        for where, statement in allowed(assembly)
        for action in listed(statement["Action"])
        if "*" in action
    }
    assert {action for _, action in patterns} <= PATTERNS_OF_CDK
    assert {where for where, _ in patterns} == {
        "Training/BuildRoleDefaultPolicyEAC4E6D6",
        "Edge/InspectorBuildRoleDefaultPolicy654A8CD9",
    }


def test_nothing_is_allowed_by_exclusion(assembly: Assembly) -> None:
    assert [w for w, s in allowed(assembly) if "NotAction" in s or "NotResource" in s] == []


def test_roles_are_passed_one_by_one_to_a_named_service(assembly: Assembly) -> None:
    passing = [(where, s) for where, s in allowed(assembly) if "iam:PassRole" in listed(s["Action"])]
    assert passing
    for where, statement in passing:
        service = statement.get("Condition", {}).get("StringEquals", {}).get("iam:PassedToService", "")
        assert re.fullmatch(r"[a-z0-9.]+\.amazonaws\.com", service), where
        assert all(isinstance(role, dict) for role in listed(statement["Resource"])), where


def test_managed_policies_of_aws_are_not_used(assembly: Assembly) -> None:
    given = {
        f"{stack}: {json.dumps(policy)}"
        for stack, _, resource in assembly.resources()
        if resource["Type"] in ("AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group")
        for policy in resource["Properties"].get("ManagedPolicyArns", [])
        if "Ref" not in policy
    }
    # API Gateway takes this one for its access log, and no other.
    exempt = "service-role/AmazonAPIGatewayPushToCloudWatchLogs"
    assert [policy for policy in given if exempt not in policy] == []


def test_only_the_approver_may_approve(assembly: Assembly) -> None:
    who = {
        w
        for w, s in allowed(assembly)
        if "sagemaker:UpdateModelPackage" in listed(s["Action"])
        # Whoever marks the life cycle may not touch the approval.
        and s.get("Condition", {}).get("Null") != {"sagemaker:ModelApprovalStatus": "true"}
    }
    # By hand, or on the page, where the function asks for the group of approvers and says who it was.
    assert {where.rstrip("0123456789ABCDEF") for where in who} == {
        "Training/ApproverPolicy",
        "Labeling/SupervisionServePackagesRoleDefaultPolicy",
    }


def test_packages_are_registered_only_as_waiting_for_approval(assembly: Assembly) -> None:
    registering = [
        (w, s) for w, s in allowed(assembly) if "sagemaker:CreateModelPackage" in listed(s["Action"])
    ]
    assert registering
    for where, statement in registering:
        condition = statement.get("Condition", {}).get("StringEquals", {})
        assert condition == {"sagemaker:ModelApprovalStatus": "PendingManualApproval"}, where


def test_buckets_refuse_plain_http(assembly: Assembly) -> None:
    buckets = {(stack, logical_id) for stack, logical_id, _ in assembly.resources("AWS::S3::Bucket")}
    refusing = {
        (stack, resource["Properties"]["Bucket"]["Ref"])
        for stack, _, resource in assembly.resources("AWS::S3::BucketPolicy")
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
        and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    }
    assert buckets == refusing
