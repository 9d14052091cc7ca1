"""The one list of actions that are allowed on every resource, because AWS offers no resource to name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from aws_cdk import aws_iam as iam
from constructs import IConstruct

from stacks.acknowledgements import acknowledge
from stacks.grants import Grantee, attach

WILDCARD_ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "xray:PutTraceSegments": "a trace has no ARN",
        "xray:PutTelemetryRecords": "a trace has no ARN",
        "xray:GetSamplingRules": "sampling rules are one set for the account",
        "xray:GetSamplingTargets": "sampling rules are one set for the account",
        "cloudwatch:PutMetricData": "metrics have no ARN; limited to a namespace by condition",
        "ecr:GetAuthorizationToken": "the token is for the whole registry",
        "logs:CreateLogDelivery": "log delivery of API Gateway and Step Functions has no ARN",
        "logs:GetLogDelivery": "log delivery has no ARN",
        "logs:UpdateLogDelivery": "log delivery has no ARN",
        "logs:DeleteLogDelivery": "log delivery has no ARN",
        "logs:ListLogDeliveries": "log delivery has no ARN",
        "logs:PutResourcePolicy": "a resource policy of CloudWatch Logs is one for the account",
        "logs:DescribeResourcePolicies": "a resource policy of CloudWatch Logs is one for the account",
        "logs:DescribeLogGroups": "Step Functions lists log groups to check its own destination",
        "sagemaker:ListModelPackages": "SageMaker's List calls know no resources",
        "sagemaker:ListEndpointConfigs": "SageMaker's List calls know no resources",
        "sagemaker:ListModels": "SageMaker's List calls know no resources",
        "codepipeline:PutJobSuccessResult": "a job has no ARN",
        "codepipeline:PutJobFailureResult": "a job has no ARN",
        "lambda:ListFunctions": "CodePipeline looks for the function that it calls; a List call",
        "greengrass:CreateDeployment": "a deployment has no ARN before it is made; its IoT job has",
        "greengrass:ListDeployments": "Greengrass's List calls know no resources",
        "greengrass:ListComponents": "Greengrass's List calls know no resources",
        # In the IoT policies of devices, which AWS documents with * only.
        "greengrass:GetComponentVersionArtifact": "answered to a device for its own deployments",
        "greengrass:GetDeploymentConfiguration": "answered to a device for its own deployments",
        "greengrass:ListThingGroupsForCoreDevice": "answered to a device for its own groups",
        "greengrass:ResolveComponentCandidates": "answered to a device for its own deployments",
    }
)


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
