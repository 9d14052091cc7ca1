"""Grants of exact actions on prefixes, where CDK's `grant_*` would allow `s3:GetObject*` and `List*`."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import IConstruct

from stacks.acknowledgements import acknowledge, acknowledge_pattern
from stacks.wildcards import WILDCARD_ACTIONS

Grantee = iam.IGrantable | iam.ManagedPolicy | iam.Policy

_OBJECTS = "objects that do not exist yet are named by their prefix"


def allow(
    grantee: Grantee,
    *actions: str,
    on: Sequence[str],
    because: str = "",
    conditions: Mapping[str, Any] | None = None,
) -> None:
    """Allow actions on ARNs; an ARN with `*` in it needs `because`, the reason for the pattern."""
    if "*" in on:
        raise ValueError(f"{', '.join(actions)}: use allow_everywhere for *")
    patterns = [arn for arn in on if "*" in arn]
    if patterns and not because:
        raise ValueError(f"{', '.join(actions)} on {patterns[0]}: say why a pattern, with because=")
    statement = iam.PolicyStatement(actions=list(actions), resources=list(on), conditions=conditions)
    holder = attach(grantee, statement)
    for arn in patterns:
        acknowledge_pattern(holder, arn, because)


def allow_everywhere(grantee: Grantee, *actions: str, conditions: Mapping[str, Any] | None = None) -> None:
    """Allow actions of the list on `*`, and acknowledge it with their reasons.

    Raises ValueError for an action that is not on the list: name its resource, or argue for it there.
    """
    unlisted = [action for action in actions if action not in WILDCARD_ACTIONS]
    if unlisted:
        raise ValueError(f"{', '.join(unlisted)}: name the resource; it is not in stacks/wildcards.py")
    statement = iam.PolicyStatement(actions=list(actions), resources=["*"], conditions=conditions)
    acknowledge_wildcard(attach(grantee, statement), *actions)


def acknowledge_wildcard(node: IConstruct, *actions: str) -> None:
    """Accept cdk-nag's finding of `*` where CDK itself wrote the statement with these listed actions."""
    reasons = "; ".join(f"{action}: {WILDCARD_ACTIONS[action]}" for action in actions)
    acknowledge(node, "AwsSolutions-IAM5[Resource::*]", reasons)


def attach(grantee: Grantee, statement: iam.PolicyStatement) -> IConstruct:
    """Add a statement to a role (or what has one) or to a policy; the construct that now holds it."""
    if isinstance(grantee, iam.ManagedPolicy | iam.Policy):
        grantee.add_statements(statement)
        return grantee
    role = grantee.grant_principal
    if not isinstance(role, iam.Role):
        raise TypeError(f"{role} has no policy of its own; give it a Role")
    role.add_to_principal_policy(statement)
    return role


def read_objects(grantee: Grantee, bucket: s3.IBucket, key: kms.IKey, *prefixes: str) -> None:
    """Read and list what is under prefixes such as `labels/`."""
    objects = [bucket.arn_for_objects(f"{prefix}*") for prefix in prefixes]
    allow(grantee, "s3:GetObject", on=objects, because=_OBJECTS)
    under = {"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}}
    allow(grantee, "s3:ListBucket", on=[bucket.bucket_arn], conditions=under)
    allow(grantee, "kms:Decrypt", on=[key.key_arn])


def write_objects(grantee: Grantee, bucket: s3.IBucket, key: kms.IKey, *prefixes: str) -> None:
    """Write under prefixes such as `labels/`; an upload in parts also decrypts with the key."""
    objects = [bucket.arn_for_objects(f"{prefix}*") for prefix in prefixes]
    allow(grantee, "s3:PutObject", "s3:AbortMultipartUpload", on=objects, because=_OBJECTS)
    allow(grantee, "kms:GenerateDataKey", "kms:Decrypt", on=[key.key_arn])


def use_table_key(grantee: Grantee, key: kms.IKey) -> None:
    """Let who reads and writes a table do so with its key: DynamoDB uses it in the caller's name."""
    allow(
        grantee,
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        on=[key.key_arn],
    )


def pass_role(grantee: Grantee, role: iam.IRole, service: str) -> None:
    """Let the grantee hand this one role to one service, such as `sagemaker.amazonaws.com`."""
    conditions = {"StringEquals": {"iam:PassedToService": service}}
    allow(grantee, "iam:PassRole", on=[role.role_arn], conditions=conditions)
