"""The two roles of a SageMaker pipeline: one that starts its jobs, one that its jobs have."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.label_queries import LabelQueries
from stacks.constructs.sagemaker_role import SageMakerRole
from stacks.grants import allow, pass_role, read_objects, write_objects

_VERSIONS = "the versions of a group"
TUNING_STEP = ("TuneMode", "tunemode")  # of TuneModel; names in SageMaker's ARNs are lower case
TUNING_JOBS = "SageMaker Pipelines names tuning jobs <execution>-<eight letters of the step>-<random>"


class JobRole(SageMakerRole):
    """What a job of a pipeline may do: read images and labels, keep the frozen split, write its run.

    `of_classifiers`: it also lists the images' versions and reads each, and keeps what a run passes on.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        images: s3.IBucket,
        artifacts: s3.IBucket,
        key: kms.IKey,
        queries: LabelQueries,
        of_classifiers: bool = False,
    ) -> None:
        super().__init__(
            scope, construct_id, runs=("ProcessingJobs", "TrainingJobs"), images="pytorch-training"
        )
        read_objects(self, images, key, "images/")
        kept = ["datasets/", "runs/"]
        if of_classifiers:
            self._read_versions(images)
            kept.append("passing/")
        read_objects(self, artifacts, key, "labels/", "code/", *kept)
        write_objects(self, artifacts, key, *kept)
        queries.grant(self)

    def _read_versions(self, images: s3.IBucket) -> None:
        """A data set names its pictures by version, so that it can be made again when they have changed."""
        pictures = images.arn_for_objects("images/*")
        named = "pictures that do not exist yet are named by their prefix"
        allow(self, "s3:GetObjectVersion", on=[pictures], because=named)
        below = {"StringLike": {"s3:prefix": ["images/*"]}}
        allow(self, "s3:ListBucketVersions", on=[images.bucket_arn], conditions=below)


class PipelineRole(iam.Role):
    """What the pipelines themselves may do: run jobs in the job role, read their reports, register a package.

    It registers packages that wait for approval and no others; no role of the line may approve one.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        job_role: iam.IRole,
        artifacts: s3.IBucket,
        key: kms.IKey,
        model_package_groups: list[str],
        tunes: bool = False,
    ) -> None:
        super().__init__(scope, construct_id, assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        stack = cdk.Stack.of(self)
        allow(
            self,
            "sagemaker:CreateProcessingJob",
            "sagemaker:DescribeProcessingJob",
            "sagemaker:StopProcessingJob",
            "sagemaker:CreateTrainingJob",
            "sagemaker:DescribeTrainingJob",
            "sagemaker:StopTrainingJob",
            "sagemaker:AddTags",
            on=[
                stack.format_arn(service="sagemaker", resource=kind, resource_name="pipelines-*")
                for kind in ("processing-job", "training-job")
            ],
            because="SageMaker Pipelines names its jobs pipelines-<execution>-<step>",
        )
        pass_role(self, job_role, "sagemaker.amazonaws.com")
        read_objects(self, artifacts, key, "runs/")
        self._register(model_package_groups)
        if tunes:
            self._tune()

    def _tune(self) -> None:
        allow(
            self,
            "sagemaker:CreateHyperParameterTuningJob",
            "sagemaker:DescribeHyperParameterTuningJob",
            "sagemaker:StopHyperParameterTuningJob",
            "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
            "sagemaker:AddTags",
            on=tuning_job_arns(cdk.Stack.of(self)),
            because=TUNING_JOBS,
        )

    def _register(self, groups: list[str]) -> None:
        stack = cdk.Stack.of(self)
        own = [model_package_group_arn(stack, group) for group in groups]
        versions = [model_packages_arn(stack, group) for group in groups]
        allow(self, "sagemaker:DescribeModelPackageGroup", on=own)
        allow(
            self,
            "sagemaker:CreateModelPackage",
            on=[*own, *versions],
            because=_VERSIONS,
            # A package that is registered as approved would be promoted without anybody having seen it.
            conditions={"StringEquals": {"sagemaker:ModelApprovalStatus": "PendingManualApproval"}},
        )
        allow(self, "sagemaker:DescribeModelPackage", "sagemaker:AddTags", on=versions, because=_VERSIONS)


def tuning_job_arns(stack: cdk.Stack) -> list[str]:
    """The ARN patterns of the tuning jobs that the pipelines start; TUNING_JOBS says why patterns."""
    return [
        stack.format_arn(
            service="sagemaker", resource="hyper-parameter-tuning-job", resource_name=f"*-{step}-*"
        )
        for step in TUNING_STEP
    ]


def model_package_group_arn(stack: cdk.Stack, group: str) -> str:
    """The ARN of a model package group."""
    return stack.format_arn(service="sagemaker", resource="model-package-group", resource_name=group)


def model_packages_arn(stack: cdk.Stack, group: str) -> str:
    """The ARN pattern of every version in a model package group."""
    return stack.format_arn(service="sagemaker", resource="model-package", resource_name=f"{group}/*")
