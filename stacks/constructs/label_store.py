"""The feature group of the labels: offline only, one record an image and event time.

Features are only ever added, at the end: CloudFormation then updates the group where it is, and records
from before read as having no value there. A change of anything else, its description too, replaces the
group, which its name forbids (docs/adr/0031).
"""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from stacks.grants import allow, read_objects, write_objects

_PREFIX = "feature-store/"
_FEATURES = {
    "image_uri": "String",
    "event_time": "String",
    "model": "String",
    "image_sha256": "String",
    "width": "Integral",
    "height": "Integral",
    "object_group": "String",
    "boxes": "String",
    "approved": "Integral",
    "labeling_job": "String",
    "labeled_by": "String",
    "verified_by": "String",
    # Since rounds of several people.
    "depth": "Integral",
    "classes": "String",  # JSON: what was asked about, in the order of the configuration
    "status": "String",  # approved or unusable
    "round": "Integral",
    "annotators": "String",  # JSON: who labelled, verified, mended, settled
    "agreement": "Fractional",
    "seconds": "Integral",  # of everybody's work on it
    # Since labels of several people say how far these agreed, beside `agreement`.
    "mean_iou": "Fractional",  # of the pairs of boxes that match; none without such a pair
    "unmatched_share": "Fractional",  # of the boxes
}


class LabelStore(Construct):
    """The Feature Store of the labels, its offline store under feature-store/ of the artifacts bucket.

    SageMaker makes the Glue table itself and names it: readers ask DescribeFeatureGroup for the name.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, artifacts: s3.IBucket, key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        self._artifacts, self._key = artifacts, key
        role = self._role()
        self.feature_group = sagemaker.CfnFeatureGroup(
            self,
            "FeatureGroup",
            feature_group_name=name,
            description="Labels of the images, the newest event time of an image being the one that counts",
            record_identifier_feature_name="image_uri",
            event_time_feature_name="event_time",
            feature_definitions=[
                sagemaker.CfnFeatureGroup.FeatureDefinitionProperty(feature_name=feature, feature_type=kind)
                for feature, kind in _FEATURES.items()
            ],
            offline_store_config={
                "S3StorageConfig": {
                    "S3Uri": artifacts.s3_url_for_object(_PREFIX.rstrip("/")),
                    "KmsKeyId": key.key_arn,
                },
                "DisableGlueTableCreation": False,
            },
            role_arn=role.role_arn,
        )
        self.feature_group.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        self.feature_group.node.add_dependency(role)

    def _role(self) -> iam.Role:
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        read_objects(role, self._artifacts, self._key, _PREFIX)
        write_objects(role, self._artifacts, self._key, _PREFIX)
        allow(
            role,
            "s3:PutObjectAcl",
            on=[self._artifacts.arn_for_objects(f"{_PREFIX}*")],
            because="Feature Store names its own objects",
        )
        allow(role, "s3:GetBucketAcl", "s3:GetBucketLocation", on=[self._artifacts.bucket_arn])
        allow(
            role,
            "glue:CreateDatabase",
            "glue:GetDatabase",
            "glue:CreateTable",
            "glue:GetTable",
            "glue:UpdateTable",
            on=label_table_arns(cdk.Stack.of(self), self.name),
            because="Feature Store ends the table's name with the time at which it made it",
        )
        return role


def label_table_arns(stack: cdk.Stack, feature_group_name: str) -> list[str]:
    """The Glue catalog, database and table of a feature group: what a grant on its table has to name."""
    table = f"sagemaker_featurestore/{feature_group_name.replace('-', '_')}_*"
    parts = [("catalog", None), ("database", "sagemaker_featurestore"), ("table", table)]
    return [
        stack.format_arn(service="glue", resource=resource, resource_name=name) for resource, name in parts
    ]
