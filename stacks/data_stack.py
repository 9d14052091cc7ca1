"""Everything that holds state: images, artifacts, the key, the labels and the model registry."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from config import Edgeline
from stacks.accounts import ToolsAccount
from stacks.constructs.api_logs import ApiLogs
from stacks.constructs.auditor_policy import AuditorPolicy
from stacks.constructs.label_store import LabelStore, label_table_arns
from stacks.constructs.model_sharing import share_models
from stacks.constructs.teardown import Teardown
from stacks.constructs.write_once import EVIDENCE, write_once
from stacks.grants import allow


class DataStack(cdk.Stack):
    """The only stack with state; what is in it outlives the stack, unless `keep = false` says otherwise."""

    def __init__(self, scope: Construct, construct_id: str, *, config: Edgeline) -> None:
        super().__init__(scope, construct_id, stack_name=f"{config.name}-data")
        self.key = kms.Key(
            self,
            "Key",
            description=f"{config.name}: images, artifacts, labels and models",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self._access_logs = self._access_logs_bucket()
        # It keeps replaced versions for good: a data set names pictures by their versions.
        self.images = self._bucket("Images", [_end_uploads()])
        if config.labeling.ground_truth is not None:
            self._show_to_workers(self.images)
        _send_events(self.images)
        ApiLogs(self, "ApiLogs")
        self.artifacts = self._bucket(
            "Artifacts",
            [
                _forget_replaced_versions(),
                _end_uploads(),
                _expire("athena/", days=30),
                *_pass("passing/", days=14),
            ],
            name=ToolsAccount(config).artifacts_bucket_name,
        )
        if any(model.train_at_images for model in config.detectors):
            _send_events(self.artifacts)  # of new labels
        self.workflows = self._workflows_bucket()
        labels = LabelStore(
            self, "Labels", name=f"{config.name}-labels", artifacts=self.artifacts, key=self.key
        )
        self.feature_group_name = labels.name
        self._output("ImagesBucket", self.images.bucket_name)
        self._output("ArtifactsBucket", self.artifacts.bucket_name)
        self._output("KeyArn", self.key.key_arn)
        self._output("FeatureGroup", labels.name)
        groups = {}
        for model in config.models:
            group = groups[model.name] = self._model_package_group(config.name, model.name)
            self._output(f"ModelPackageGroup{model.output_suffix}", group.model_package_group_name)
        share_models(config, artifacts=self.artifacts, key=self.key, groups=groups)
        self._output("UploaderPolicyArn", self._uploader_policy().managed_policy_arn)
        AuditorPolicy.of_data(
            self,
            images=self.images,
            artifacts=self.artifacts,
            key=self.key,
            versions=bool(config.classifiers),
        )
        if config.data.keep:
            self._output("LeftByDestroy", "the buckets, the key, the feature group and the model packages")
            write_once(self.artifacts, *EVIDENCE, removed_by=None)
        else:
            remover = self._delete_with_the_stack(labels, list(groups.values()))
            write_once(self.artifacts, *EVIDENCE, removed_by=remover)

    def _access_logs_bucket(self) -> s3.Bucket:
        return s3.Bucket(
            self,
            "AccessLogs",
            # S3 delivers access logs only to buckets with its own encryption.
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[s3.LifecycleRule(expiration=cdk.Duration.days(365))],
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )

    def _bucket(
        self, construct_id: str, lifecycle_rules: list[s3.LifecycleRule], *, name: str | None = None
    ) -> s3.Bucket:
        return s3.Bucket(
            self,
            construct_id,
            bucket_name=name,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            versioned=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            server_access_logs_bucket=self._access_logs,
            server_access_logs_prefix=f"{construct_id.lower()}/",
            lifecycle_rules=lifecycle_rules,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )

    def _delete_with_the_stack(
        self, labels: LabelStore, groups: Sequence[sagemaker.CfnModelPackageGroup]
    ) -> iam.IRole:
        """Empty and delete what is otherwise kept; the key is scheduled for deletion. Returns who empties."""
        for resource in (self.key, self.images, self.artifacts, self._access_logs):
            resource.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
        for described in (labels.feature_group, *groups):
            described.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
        # From the last to the first: the bucket that the others log to, the others, what writes into them.
        logs = Teardown.of_objects(self._access_logs)
        self.workflows.node.add_dependency(logs)
        for bucket in (self.images, self.artifacts):
            bucket.node.add_dependency(logs)
            labels.feature_group.node.add_dependency(Teardown.of_objects(bucket))
        packages = Teardown.of_registry(
            self,
            groups=[group.model_package_group_name for group in groups],
            feature_group=labels.name,
            tables=label_table_arns(self, labels.name),
        )
        packages.resource.node.add_dependency(labels.feature_group, *groups)
        return packages.role

    def _show_to_workers(self, images: s3.Bucket) -> None:
        """Ground Truth's pages read pictures by signed links, from hosts that AWS does not name."""
        images.add_cors_rule(
            allowed_methods=[s3.HttpMethods.GET],
            allowed_origins=["*"],
            exposed_headers=["Access-Control-Allow-Origin"],
        )

    def _workflows_bucket(self) -> s3.Bucket:
        """What the workflows' pipelines hand from action to action: copies, none of which is missed."""
        bucket = s3.Bucket(
            self,
            "Workflows",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            server_access_logs_bucket=self._access_logs,
            server_access_logs_prefix="workflows/",
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=cdk.Duration.days(30),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(7),
                )
            ],
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        Teardown.of_objects(bucket)
        return bucket

    def _model_package_group(self, name: str, model: str) -> sagemaker.CfnModelPackageGroup:
        group = sagemaker.CfnModelPackageGroup(
            self,
            f"ModelPackageGroup-{model}",
            model_package_group_name=f"{name}-{model}",
            model_package_group_description=f"Every version of the model {model}",
        )
        group.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        return group

    def _uploader_policy(self) -> iam.ManagedPolicy:
        policy = iam.ManagedPolicy(self, "UploaderPolicy", description="Puts images into the images bucket")
        images = self.images.arn_for_objects("images/*")
        allow(policy, "s3:PutObject", on=[images], because="images that do not exist yet are named by prefix")
        allow(policy, "kms:GenerateDataKey", "kms:Decrypt", on=[self.key.key_arn])
        return policy

    def _output(self, key: str, value: str) -> None:
        cdk.CfnOutput(self, key, value=value)


def _send_events(bucket: s3.Bucket) -> None:
    """Let a bucket tell the account's event bus what becomes of its objects."""
    # CDK's own switch for it is a function in the stack that sets what CloudFormation can set itself.
    described = bucket.node.default_child
    assert isinstance(described, s3.CfnBucket)  # noqa: S101 - narrows the type
    described.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
        event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
    )


def _expire(prefix: str, *, days: int) -> s3.LifecycleRule:
    return s3.LifecycleRule(prefix=prefix, expiration=cdk.Duration.days(days))


def _pass(prefix: str, *, days: int) -> list[s3.LifecycleRule]:
    """What a run leaves that is of no use once it has ended: gone for good after so many days."""
    forget = s3.LifecycleRule(prefix=prefix, noncurrent_version_expiration=cdk.Duration.days(1))
    return [_expire(prefix, days=days), forget]


def _forget_replaced_versions() -> s3.LifecycleRule:
    return s3.LifecycleRule(noncurrent_version_expiration=cdk.Duration.days(90))


def _end_uploads() -> s3.LifecycleRule:
    return s3.LifecycleRule(abort_incomplete_multipart_upload_after=cdk.Duration.days(7))
