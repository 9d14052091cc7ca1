"""What the promoter may do beside changing endpoints: set their alarms, and let them scale."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from config import Model
from stacks.accounts import WorkloadAccount
from stacks.grants import allow

_SCALING = "sagemaker.application-autoscaling.amazonaws.com"
_SCALING_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
_DIMENSIONS = {
    "realtime": "sagemaker:variant:DesiredInstanceCount",
    "components": "sagemaker:inference-component:DesiredCopyCount",
}


def grant_guards(promoter: iam.Role, model_role: iam.Role, here: WorkloadAccount) -> None:
    """Let the promoter guard and scale the endpoints of an environment, each as its kind needs it."""
    models = here.config.models
    if here.environment == "prod":
        _grant_alarms(promoter, model_role, [arn for model in models for arn in here.alarms(model)])
    scaled = [model for model in models if here.endpoint(model).kind != "serverless"]
    if scaled:
        _grant_scaling(promoter, here, scaled)
    if here.components():
        _grant_components(promoter, here)


def _grant_alarms(promoter: iam.Role, model_role: iam.Role, alarms: Sequence[str]) -> None:
    changes = ("PutMetricAlarm", "DescribeAlarms", "DeleteAlarms")
    allow(promoter, *(f"cloudwatch:{change}" for change in changes), on=alarms)
    # SageMaker reads the alarms of a deployment as the role that the endpoint runs with.
    allow(model_role, "cloudwatch:DescribeAlarms", on=alarms)


def _grant_scaling(promoter: iam.Role, here: WorkloadAccount, models: Sequence[Model]) -> None:
    target = f"arn:{cdk.Aws.PARTITION}:application-autoscaling:{here.region}:{here.account}:scalable-target/*"
    dimensions = sorted({_DIMENSIONS[here.endpoint(model).kind] for model in models})
    changes = ("RegisterScalableTarget", "DeregisterScalableTarget", "PutScalingPolicy")
    allow(
        promoter,
        *(f"application-autoscaling:{change}" for change in changes),
        on=[target],
        because="Application Auto Scaling names a target by a number of its own; limited by condition",
        conditions={
            "StringEquals": {
                "application-autoscaling:service-namespace": "sagemaker",
                "application-autoscaling:scalable-dimension": dimensions,
            }
        },
    )
    # What Application Auto Scaling asks of who registers an endpoint, and of who scales it by a metric.
    allow(promoter, "sagemaker:UpdateEndpointWeightsAndCapacities", on=here.endpoints())
    tracking = [here.alarm_arn(f"TargetTracking-{name}*") for name in _tracked(here, models)]
    changes = ("PutMetricAlarm", "DescribeAlarms", "DeleteAlarms")
    because = "target tracking ends the names of its alarms with a number of its own"
    allow(promoter, *(f"cloudwatch:{change}" for change in changes), on=tracking, because=because)
    _grant_scaling_role(promoter)


def _tracked(here: WorkloadAccount, models: Sequence[Model]) -> list[str]:
    return [
        f"inference-component/{here.endpoint_name(model)}"
        if here.endpoint(model).kind == "components"
        else f"endpoint/{here.endpoint_name(model)}/variant/AllTraffic"
        for model in models
    ]


def _grant_scaling_role(promoter: iam.Role) -> None:
    """The account's first registration makes the role that Application Auto Scaling acts with."""
    role = cdk.Stack.of(promoter).format_arn(
        service="iam",
        region="",
        resource="role",
        resource_name=f"aws-service-role/{_SCALING}/{_SCALING_ROLE}",
    )
    conditions = {"StringEquals": {"iam:AWSServiceName": _SCALING}}
    allow(promoter, "iam:CreateServiceLinkedRole", on=[role], conditions=conditions)


def _grant_components(promoter: iam.Role, here: WorkloadAccount) -> None:
    components = here.components()
    looks = (
        "DescribeInferenceComponent",
        "DeleteInferenceComponent",
        "UpdateInferenceComponentRuntimeConfig",
    )
    allow(promoter, *(f"sagemaker:{action}" for action in looks), on=components)
    changes = ("sagemaker:CreateInferenceComponent", "sagemaker:UpdateInferenceComponent")
    named = "models are named after the release"
    allow(promoter, *changes, on=[*components, *here.endpoints(), *here.models()], because=named)
    allow(promoter, "sagemaker:AddTags", on=components)
    sleeping = [
        here.alarm_arn(f"{here.endpoint_name(model)}-asleep")
        for model in here.config.models
        if here.endpoint(model).kind == "components"
    ]
    allow(promoter, "cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms", on=sleeping)
