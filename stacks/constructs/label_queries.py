"""Where the labels are queried: an Athena workgroup that decides location, encryption and scan limit."""

import aws_cdk as cdk
from aws_cdk import aws_athena as athena
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.label_store import label_table_arns
from stacks.grants import Grantee, allow, read_objects, write_objects

_PREFIX = "athena/"
_SCAN_LIMIT_BYTES = 10 * 1024**3


class LabelQueries(Construct):
    """The workgroup; a query outside its settings is refused, whatever the client asks for."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        artifacts: s3.IBucket,
        key: kms.IKey,
        feature_group_name: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self.workgroup = name
        self._artifacts, self._key, self._feature_group_name = artifacts, key, feature_group_name
        athena.CfnWorkGroup(
            self,
            "Workgroup",
            name=name,
            description="Point-in-time queries of the labels",
            recursive_delete_option=True,
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                bytes_scanned_cutoff_per_query=_SCAN_LIMIT_BYTES,
                engine_version=athena.CfnWorkGroup.EngineVersionProperty(
                    selected_engine_version="Athena engine version 3"
                ),
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=artifacts.s3_url_for_object(_PREFIX),
                    encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                        encryption_option="SSE_KMS", kms_key=key.key_arn
                    ),
                ),
            ),
        )

    def grant(self, grantee: Grantee) -> None:
        """Let the grantee find the labels' table and query it in this workgroup."""
        stack = cdk.Stack.of(self)
        feature_group = stack.format_arn(
            service="sagemaker", resource="feature-group", resource_name=self._feature_group_name
        )
        workgroup = stack.format_arn(service="athena", resource="workgroup", resource_name=self.workgroup)
        allow(grantee, "sagemaker:DescribeFeatureGroup", on=[feature_group])
        allow(
            grantee,
            "athena:StartQueryExecution",
            "athena:GetQueryExecution",
            "athena:GetQueryResults",
            "athena:StopQueryExecution",
            on=[workgroup],
        )
        allow(
            grantee,
            "glue:GetDatabase",
            "glue:GetTable",
            "glue:GetPartitions",
            on=label_table_arns(stack, self._feature_group_name),
            because="Feature Store ends the table's name with the time at which it made it",
        )
        allow(grantee, "s3:GetBucketLocation", on=[self._artifacts.bucket_arn])
        read_objects(grantee, self._artifacts, self._key, "feature-store/", _PREFIX)
        write_objects(grantee, self._artifacts, self._key, _PREFIX)

    def reader_policy(self) -> iam.ManagedPolicy:
        """What a person needs to ask for the labels as of a time."""
        policy = iam.ManagedPolicy(self, "ReaderPolicy", description="Asks for the labels as of a time")
        self.grant(policy)
        return policy
