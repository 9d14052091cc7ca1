"""Objects that are written once: nobody writes over them, and nobody but a teardown deletes them."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

# The records of releases and of rollouts, their pages, and the page that an approver was shown.
EVIDENCE = (
    "releases/*/release*.json",
    "releases/*/release*.html",
    "releases/*/approval*.html",
    "releases/*/rollout*.json",
)


def write_once(bucket: s3.Bucket, *patterns: str, removed_by: iam.IRole | None) -> None:
    """Deny everybody to replace or delete objects of these patterns, whatever else allows it.

    A write must say `If-None-Match: *`, with which S3 refuses it where there is an object; an upload in parts
    cannot say it when it begins, and is denied. `removed_by` is the role that may delete them with the stack.
    """
    objects = [bucket.arn_for_objects(pattern) for pattern in patterns]
    unconditional = {"Null": {"s3:if-none-match": "true"}}
    _deny(bucket, "WrittenOnce", ["s3:PutObject"], objects, unconditional)
    others = {"ArnNotEquals": {"aws:PrincipalArn": removed_by.role_arn}} if removed_by else {}
    _deny(bucket, "NeverDeleted", ["s3:DeleteObject", "s3:DeleteObjectVersion"], objects, others)


def _deny(
    bucket: s3.Bucket,
    sid: str,
    actions: Sequence[str],
    objects: Sequence[str],
    conditions: dict[str, dict[str, str]],
) -> None:
    bucket.add_to_resource_policy(
        iam.PolicyStatement(
            sid=sid,
            effect=iam.Effect.DENY,
            principals=[iam.AnyPrincipal()],
            actions=list(actions),
            resources=list(objects),
            conditions=conditions,
        )
    )
