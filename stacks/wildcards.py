"""The one list of actions that are allowed on every resource, because AWS offers no resource to name."""

from collections.abc import Mapping
from types import MappingProxyType

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
        "sagemaker:ListApps": "SageMaker's List calls know no resources",
        "sagemaker:ListDomains": "SageMaker's List calls know no resources",
        "sagemaker:ListSpaces": "SageMaker's List calls know no resources",
        "sagemaker:ListUserProfiles": "SageMaker's List calls know no resources",
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
