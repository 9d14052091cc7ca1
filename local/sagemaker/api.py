"""The SageMaker API as one object, put together from its parts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from local.cloud.call import Call
from local.cloud.ministack_accounts import account_of_arn
from local.cloud.parts import Parts
from local.sagemaker.refuse import refuse
from local.sagemaker.registry import last_part

Parameters = Mapping[str, Any]

_JOBS = {
    "TrainingJob": "training-job",
    "ProcessingJob": "processing-job",
    "LabelingJob": "labeling-job",
}
_NAMED = {
    **{
        f"{verb}{job}": (kind, f"{job}Name")
        for job, kind in _JOBS.items()
        for verb in ("Create", "Describe", "Stop")
    },
    **{
        f"{verb}HyperParameterTuningJob": ("hyper-parameter-tuning-job", "HyperParameterTuningJobName")
        for verb in ("Create", "Describe", "Stop", "Delete", "ListTrainingJobsFor")
    },
    **{f"{verb}Model": ("model", "ModelName") for verb in ("Describe", "Delete")},
    **{
        f"{verb}EndpointConfig": ("endpoint-config", "EndpointConfigName")
        for verb in ("Create", "Describe", "Delete")
    },
    **{f"{verb}Endpoint": ("endpoint", "EndpointName") for verb in ("Describe", "Delete")},
    "UpdateEndpointWeightsAndCapacities": ("endpoint", "EndpointName"),
}
_CASED = {
    **{
        f"{verb}ModelPackageGroup": ("model-package-group", "ModelPackageGroupName")
        for verb in ("Create", "Describe", "Delete")
    },
    **{
        f"{verb}ModelPackageGroupPolicy": ("model-package-group", "ModelPackageGroupName")
        for verb in ("Put", "Get", "Delete")
    },
    **{
        f"{verb}FeatureGroup": ("feature-group", "FeatureGroupName")
        for verb in ("Create", "Describe", "Update", "Delete")
    },
    **{
        f"{verb}Pipeline": ("pipeline", "PipelineName") for verb in ("Create", "Describe", "Update", "Delete")
    },
    **{
        f"{verb}InferenceComponent{what}": ("inference-component", "InferenceComponentName")
        for verb, what in (("Describe", ""), ("Update", ""), ("Update", "RuntimeConfig"), ("Delete", ""))
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
# What an account does for others with what its policies share, by the member that names it.
_SHARED = {
    "DescribeModelPackage": "ModelPackageName",
    "UpdateModelPackage": "ModelPackageArn",
    "DescribeModelPackageGroup": "ModelPackageGroupName",
    "ListModelPackages": "ModelPackageGroupName",
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
            return [_cased(call, kind, parameters[field])]
        if operation in _BY_ARN:
            return [parameters[_BY_ARN[operation]]]
        return _several(call, operation, parameters) or ["*"]

    def further_actions(self, call: Call, operation: str, parameters: Parameters) -> list[tuple[str, str]]:
        """Give what a call needs beside its own action: to tag what it makes, to read others' packages."""
        needed = []
        if operation.startswith("Create") and parameters.get("Tags"):
            made = re.sub(r"(?<!^)([A-Z])", r"-\1", operation.removeprefix("Create")).lower()
            arns = self.resource_arns(call, operation, parameters)
            needed += [("sagemaker:AddTags", arn) for arn in arns if f":{made}/" in arn]
        if operation == "CreateModel":
            packages = _packages_of_others(call, parameters)
            needed += [("sagemaker:DescribeModelPackage", arn) for arn in packages]
        return needed

    def home(self, call: Call, operation: str, parameters: Parameters) -> str:
        """Give the account that performs a call: for what another account shares, that account."""
        group = parameters.get("ModelPackageGroupName", "")
        owner = account_of_arn(parameters.get(_SHARED.get(operation, ""), group))
        if owner in (None, call.account):
            return call.account
        if operation not in _SHARED:
            raise refuse(f"{operation} on {group}, a group of another account")
        return str(owner)

    def conditions(self, operation: str, parameters: Parameters) -> dict[str, str]:
        """Give the condition keys that a call has a value for."""
        if operation == "CreateLabelingJob":
            return {"sagemaker:WorkteamArn": parameters["HumanTaskConfig"]["WorkteamArn"]}
        if operation not in ("CreateModelPackage", "UpdateModelPackage"):
            return {}
        cycle, metadata = (
            parameters.get("ModelLifeCycle", {}),
            parameters.get("CustomerMetadataProperties", {}),
        )
        found = {
            "sagemaker:ModelApprovalStatus": parameters.get("ModelApprovalStatus"),
            "sagemaker:ModelLifeCycle:stage": cycle.get("Stage"),
            "sagemaker:ModelLifeCycle:stageStatus": cycle.get("StageStatus"),
            **{f"sagemaker:CustomerMetadataProperties/{name}": value for name, value in metadata.items()},
        }
        return {key: value for key, value in found.items() if value}

    def pass_roles(self, operation: str, parameters: Parameters) -> list[str]:
        """Give the roles that a call hands to SageMaker."""
        given = {**parameters, **parameters.get("TrainingJobDefinition", {})}
        return [given[field] for field in ("RoleArn", "ExecutionRoleArn") if given.get(field)]


def _several(call: Call, operation: str, parameters: Parameters) -> list[str]:
    if operation in ("CreateEndpoint", "UpdateEndpoint"):
        return [
            call.arn("sagemaker", f"endpoint/{parameters['EndpointName'].lower()}"),
            call.arn("sagemaker", f"endpoint-config/{parameters['EndpointConfigName'].lower()}"),
        ]
    if operation == "CreateInferenceComponent":
        return [
            call.arn("sagemaker", f"endpoint/{parameters['EndpointName'].lower()}"),
            call.arn("sagemaker", f"inference-component/{parameters['InferenceComponentName']}"),
        ]
    if operation == "CreateModel":
        return [
            call.arn("sagemaker", f"model/{parameters['ModelName'].lower()}"),
            *_packages_of_others(call, parameters),
        ]
    group = parameters.get("ModelPackageGroupName", "")
    if operation == "CreateModelPackage" and group:
        return [
            _cased(call, "model-package-group", group),
            call.arn("sagemaker", f"model-package/{last_part(group)}/*"),
        ]
    if operation == "ListModelPackages" and group:
        return [_cased(call, "model-package-group", group)]
    return []


def _cased(call: Call, kind: str, name_or_arn: str) -> str:
    if account_of_arn(name_or_arn) not in (None, call.account):
        return name_or_arn
    return call.arn("sagemaker", f"{kind}/{last_part(name_or_arn)}")


def _packages_of_others(call: Call, parameters: Parameters) -> list[str]:
    """Give the packages of other accounts that a model is made from: both accounts must allow that."""
    containers = [parameters.get("PrimaryContainer", {}), *parameters.get("Containers", ())]
    named = [container["ModelPackageName"] for container in containers if "ModelPackageName" in container]
    return [arn for arn in named if account_of_arn(arn) not in (None, call.account)]
