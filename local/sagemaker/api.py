"""The SageMaker API as one object, put together from its parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.cloud.call import Call
from local.cloud.parts import Parts
from local.sagemaker.registry import last_part

Parameters = Mapping[str, Any]

_JOBS = {"TrainingJob": "training-job", "ProcessingJob": "processing-job"}
_NAMED = {
    **{
        f"{verb}{job}": (kind, f"{job}Name")
        for job, kind in _JOBS.items()
        for verb in ("Create", "Describe", "Stop")
    },
    **{f"{verb}Model": ("model", "ModelName") for verb in ("Create", "Describe", "Delete")},
    **{
        f"{verb}EndpointConfig": ("endpoint-config", "EndpointConfigName")
        for verb in ("Create", "Describe", "Delete")
    },
    **{f"{verb}Endpoint": ("endpoint", "EndpointName") for verb in ("Describe", "Delete")},
}
_CASED = {
    **{
        f"{verb}ModelPackageGroup": ("model-package-group", "ModelPackageGroupName")
        for verb in ("Create", "Describe", "Delete")
    },
    **{
        f"{verb}FeatureGroup": ("feature-group", "FeatureGroupName")
        for verb in ("Create", "Describe", "Delete")
    },
    **{
        f"{verb}Pipeline": ("pipeline", "PipelineName") for verb in ("Create", "Describe", "Update", "Delete")
    },
    "StartPipelineExecution": ("pipeline", "PipelineName"),
    "ListPipelineExecutions": ("pipeline", "PipelineName"),
}
_BY_ARN = {
    "DescribeModelPackage": "ModelPackageName",
    "DeleteModelPackage": "ModelPackageName",
    "UpdateModelPackage": "ModelPackageArn",
    "DescribePipelineExecution": "PipelineExecutionArn",
    "DescribePipelineDefinitionForExecution": "PipelineExecutionArn",
    "ListPipelineExecutionSteps": "PipelineExecutionArn",
    "ListPipelineParametersForExecution": "PipelineExecutionArn",
    "StopPipelineExecution": "PipelineExecutionArn",
    "AddTags": "ResourceArn",
    "ListTags": "ResourceArn",
    "DeleteTags": "ResourceArn",
}


class SageMakerApi(Parts):
    """SageMaker's operations, each on the resources that IAM checks."""

    def resource_arns(self, call: Call, operation: str, parameters: Parameters) -> list[str]:
        """Give the resources that IAM checks a call against, after the service authorization reference."""
        if operation in _NAMED:
            kind, field = _NAMED[operation]
            return [call.arn("sagemaker", f"{kind}/{parameters[field].lower()}")]
        if operation in _CASED:
            kind, field = _CASED[operation]
            return [call.arn("sagemaker", f"{kind}/{last_part(parameters[field])}")]
        if operation in _BY_ARN:
            return [parameters[_BY_ARN[operation]]]
        return _several(call, operation, parameters) or ["*"]

    def conditions(self, operation: str, parameters: Parameters) -> dict[str, str]:
        """Give the condition keys that a call has a value for."""
        approval = parameters.get("ModelApprovalStatus")
        if operation in ("CreateModelPackage", "UpdateModelPackage") and approval:
            return {"sagemaker:ModelApprovalStatus": approval}
        return {}

    def pass_roles(self, operation: str, parameters: Parameters) -> list[str]:
        """Give the roles that a call hands to SageMaker."""
        return [parameters[field] for field in ("RoleArn", "ExecutionRoleArn") if parameters.get(field)]


def _several(call: Call, operation: str, parameters: Parameters) -> list[str]:
    if operation in ("CreateEndpoint", "UpdateEndpoint"):
        return [
            call.arn("sagemaker", f"endpoint/{parameters['EndpointName'].lower()}"),
            call.arn("sagemaker", f"endpoint-config/{parameters['EndpointConfigName'].lower()}"),
        ]
    group = last_part(parameters.get("ModelPackageGroupName", ""))
    if operation == "CreateModelPackage" and group:
        return [
            call.arn("sagemaker", f"model-package-group/{group}"),
            call.arn("sagemaker", f"model-package/{group}/*"),
        ]
    if operation == "ListModelPackages" and group:
        return [call.arn("sagemaker", f"model-package-group/{group}")]
    return []
