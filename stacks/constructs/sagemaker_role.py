"""Roles that SageMaker assumes for what it runs."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.grants import allow, allow_everywhere

_LOG_ACTIONS = ("CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents")
_IMAGE_ACTIONS = ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")


class SageMakerRole(iam.Role):
    """What containers need anywhere: one repository of AWS's images, their log groups, their metrics.

    `runs` are the kinds of what the role runs, as SageMaker names their log groups: "Endpoints",
    "ProcessingJobs", "TrainingJobs". `role_name` is for a role that another account must know.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        runs: Sequence[str],
        images: str,
        role_name: str | None = None,
    ) -> None:
        sagemaker = iam.ServicePrincipal("sagemaker.amazonaws.com")
        super().__init__(scope, construct_id, assumed_by=sagemaker, role_name=role_name)
        stack = cdk.Stack.of(self)
        log_groups = [
            stack.format_arn(
                service="logs",
                resource="log-group",
                resource_name=f"/aws/sagemaker/{kind}*",
                arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
            )
            for kind in runs
        ]
        log_actions = (f"logs:{action}" for action in _LOG_ACTIONS)
        allow(self, *log_actions, on=log_groups, because="SageMaker makes the log groups and their streams")
        repository = stack.format_arn(service="ecr", account="*", resource="repository", resource_name=images)
        image_actions = (f"ecr:{action}" for action in _IMAGE_ACTIONS)
        allow(
            self,
            *image_actions,
            on=[repository],
            because="AWS keeps its containers in accounts of its own, another one in some regions",
        )
        allow_everywhere(self, "ecr:GetAuthorizationToken")
        namespaces = {"StringLike": {"cloudwatch:namespace": [f"/aws/sagemaker/{kind}*" for kind in runs]}}
        allow_everywhere(self, "cloudwatch:PutMetricData", conditions=namespaces)
