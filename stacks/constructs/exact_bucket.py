"""A bucket whose grants name their actions in full: CDK's own write `s3:GetObject*` and `s3:List*`."""

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.acknowledgements import acknowledge, acknowledge_pattern
from stacks.constructs.teardown import Teardown

_READ = (
    "s3:GetBucketAcl",
    "s3:GetBucketLocation",
    "s3:GetBucketVersioning",
    "s3:GetObject",
    "s3:GetObjectTagging",
    "s3:GetObjectVersion",
    "s3:GetObjectVersionTagging",
    "s3:ListBucket",
)
_WRITE = ("s3:AbortMultipartUpload", "s3:PutObject")
_ENCRYPT = ("kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo")


class ExactBucket(s3.Bucket):
    """A private bucket of a pipeline, for its artifacts or its source; CDK asks it for the roles' grants.

    `because` says why nobody's access to it is logged. `expire_days` is how long an object is kept, in a
    versioned bucket how long one that was replaced.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        because: str,
        expire_days: int,
        removal_policy: cdk.RemovalPolicy,
        key: kms.IKey | None = None,
        versioned: bool = False,
    ) -> None:
        days = cdk.Duration.days(expire_days)
        rule = (
            s3.LifecycleRule(noncurrent_version_expiration=days)
            if versioned
            else s3.LifecycleRule(expiration=days)
        )
        super().__init__(
            scope,
            construct_id,
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            bucket_key_enabled=key is not None,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            versioned=versioned,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[rule],
            removal_policy=removal_policy,
        )
        self._key = key
        if removal_policy is cdk.RemovalPolicy.DESTROY:
            Teardown.of_objects(self)
        acknowledge(self, "AwsSolutions-S1", because)

    def grant_read(self, identity: iam.IGrantable, objects_key_pattern: Any = None) -> iam.Grant:
        """Let someone read the objects, or those of a pattern."""
        return self._grant(identity, objects_key_pattern, _READ, ("kms:Decrypt",))

    def grant_read_write(self, identity: iam.IGrantable, objects_key_pattern: Any = None) -> iam.Grant:
        """Let someone read and write the objects, or those of a pattern."""
        return self._grant(identity, objects_key_pattern, (*_READ, *_WRITE), ("kms:Decrypt", *_ENCRYPT))

    def grant_write(
        self,
        identity: iam.IGrantable,
        objects_key_pattern: Any = None,
        allowed_action_patterns: Sequence[str] | None = None,
    ) -> iam.Grant:
        """Let someone write the objects, or those of a pattern."""
        actions = tuple(allowed_action_patterns or _WRITE)
        return self._grant(identity, objects_key_pattern, actions, ("kms:Decrypt", *_ENCRYPT))

    def _grant(
        self, identity: iam.IGrantable, pattern: str | None, actions: tuple[str, ...], uses: tuple[str, ...]
    ) -> iam.Grant:
        if self._key is not None:
            self._key.grant(identity, *uses)
        objects = self.arn_for_objects(pattern or "*")
        holder = identity if isinstance(identity, iam.Policy) else identity.grant_principal
        if isinstance(holder, iam.Role | iam.Policy) and "*" in objects:
            acknowledge_pattern(holder, objects, "what a pipeline keeps is named by its execution")
        return iam.Grant.add_to_principal_or_resource(
            grantee=identity,
            actions=list(actions),
            resource_arns=[self.bucket_arn, objects],
            resource=self,
        )
