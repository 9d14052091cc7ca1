"""Folders that a deployment publishes: the function that does it, and a custom resource for each."""

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from stacks.constructs.python_function import PythonFunction
from stacks.grants import allow

_FUNCTION_MINUTES = 5
# CloudFormation waits a little longer than the function works, and not for its own hour.
_ANSWER_MINUTES = 10
_PUBLISHED = "what is published is named by the folder's files"


class FolderPublisher(Construct):
    """Makes what is under a prefix of a bucket be an asset's files and some documents, at each deployment.

    CDK's own BucketDeployment brings the AWS CLI in a layer and a role over the whole bucket of assets; this
    is one function of ours with the grants of these folders. docs/adr/0026 says more.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self._function = PythonFunction(
            self,
            "PublishPage",
            handler="lambdas.labeling.publish_page.handler",
            environment={},
            timeout_seconds=60 * _FUNCTION_MINUTES,
            memory_mb=512,
        )

    def publish(
        self,
        construct_id: str,
        *,
        bucket: s3.IBucket,
        prefix: str,
        asset: s3_assets.Asset | None,
        documents: Mapping[str, Any],
        key: kms.IKey | None = None,
    ) -> cdk.CustomResource:
        """Publish a folder; `key` is the bucket's, where it has one of ours."""
        self._allow_writing(bucket, prefix, key)
        properties: dict[str, Any] = {
            "Bucket": bucket.bucket_name,
            "Prefix": prefix,
            "Documents": dict(documents),
        }
        if asset is not None:
            properties["Asset"] = {"Bucket": asset.s3_bucket_name, "Key": asset.s3_object_key}
            allow(self._function, "s3:GetObject", on=[asset.bucket.arn_for_objects(asset.s3_object_key)])
        published = cdk.CustomResource(
            self,
            construct_id,
            service_token=self._function.function_arn,
            service_timeout=cdk.Duration.minutes(_ANSWER_MINUTES),
            resource_type="Custom::PublishedFolder",
            properties=properties,
        )
        published.node.add_dependency(self._function.own_role)
        return published

    def _allow_writing(self, bucket: s3.IBucket, prefix: str, key: kms.IKey | None) -> None:
        objects = bucket.arn_for_objects(f"{prefix}*")
        allow(self._function, "s3:PutObject", "s3:DeleteObject", on=[objects], because=_PUBLISHED)
        under = {"StringLike": {"s3:prefix": [f"{prefix}*"]}} if prefix else None
        allow(self._function, "s3:ListBucket", on=[bucket.bucket_arn], conditions=under)
        if key is not None:
            allow(self._function, "kms:GenerateDataKey", on=[key.key_arn])
