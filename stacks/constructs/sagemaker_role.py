"""Roles that SageMaker assumes for what it runs."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.grants import allow
from stacks.wildcards import allow_everywhere

_LOG_ACTIONS = ("CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents")


class SageMakerRole(iam.Role):
    """What containers of one kind ("Endpoints", "ProcessingJobs") need: AWS's images, their log, metrics."""

    def __init__(self, scope: Construct, construct_id: str, *, runs: str, images: str = "pytorch-*") -> None:
        super().__init__(scope, construct_id, assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        stack = cdk.Stack.of(self)
        log_group = stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"/aws/sagemaker/{runs}*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        log_actions = (f"logs:{action}" for action in _LOG_ACTIONS)
        allow(self, *log_actions, on=[log_group], because="SageMaker makes the log groups and their streams")
        repository = stack.format_arn(service="ecr", account="*", resource="repository", resource_name=images)
        allow(
            self, "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer",
            on=[repository], because="AWS keeps its containers in one account of its own a region",
        )  # fmt: skip
        allow_everywhere(self, "ecr:GetAuthorizationToken")
        namespaces = {"StringLike": {"cloudwatch:namespace": f"/aws/sagemaker/{runs}*"}}
        allow_everywhere(self, "cloudwatch:PutMetricData", conditions=namespaces)
