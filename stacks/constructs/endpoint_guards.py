"""What the promoter may do beside changing endpoints: set their alarms, and let them scale."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from config_model import Model
from stacks.accounts import WorkloadAccount
from stacks.grants import Grantee, allow

_SCALING = "sagemaker.application-autoscaling.amazonaws.com"
_SCALING_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
_ALL_ALARMS = "CloudWatch asks for alarm:* whichever alarms are described"
NAMED_ALARMS = "the alarms of a model begin with the name of its endpoint, or component"
_NUMBERED_ALARMS = "target tracking ends the names of its alarms with a number of its own"
SCALED_DIMENSIONS = {
    "realtime": "sagemaker:variant:DesiredInstanceCount",
    "components": "sagemaker:inference-component:DesiredCopyCount",
}


def grant_guards(promoter: iam.Role, model_role: iam.Role, here: WorkloadAccount) -> None:
    """Let the promoter guard and scale the endpoints of an environment, each as its kind needs it."""
    models = here.config.models
    if here.environment == "prod":
        _grant_alarms(promoter, model_role, here)
    scaled = [model for model in models if here.endpoint(model).kind != "serverless"]
    if scaled:
        _grant_scaling(promoter, here, scaled)
    if here.components():
        _grant_components(promoter, here)


def _grant_alarms(promoter: iam.Role, model_role: iam.Role, here: WorkloadAccount) -> None:
    changes = ("cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms")
    allow(promoter, *changes, on=here.alarms_of(here.config.models), because=NAMED_ALARMS)
    moved = [model for model in here.config.models if here.endpoint(model).kind == "realtime"]
    if moved:
        allow(promoter, "cloudwatch:SetAlarmState", on=here.alarms_of(moved), because=NAMED_ALARMS)
    # SageMaker reads the alarms of a deployment as the role that the endpoint runs with.
    for role in (promoter, model_role):
        allow(role, "cloudwatch:DescribeAlarms", on=[here.alarm_arn("*")], because=_ALL_ALARMS)


def _grant_scaling(promoter: iam.Role, here: WorkloadAccount, models: Sequence[Model]) -> None:
    changes = ("RegisterScalableTarget", "PutScalingPolicy")
    _allow_on_targets(promoter, changes, here, models)
    grant_deregistering(promoter, here, models)
    # What Application Auto Scaling asks of who registers an endpoint, and of who scales it by a metric.
    allow(promoter, "sagemaker:UpdateEndpointWeightsAndCapacities", on=here.endpoints())
    tracking = _tracking_alarms(here, models)
    allow(promoter, "cloudwatch:PutMetricAlarm", on=tracking, because=_NUMBERED_ALARMS)
    allow(promoter, "cloudwatch:DescribeAlarms", on=[here.alarm_arn("*")], because=_ALL_ALARMS)
    _grant_scaling_role(promoter)


def grant_deregistering(grantee: Grantee, here: WorkloadAccount, models: Sequence[Model]) -> None:
    """Allow to end the scaling of these models' endpoints; the alarms that it made go with it."""
    _allow_on_targets(grantee, ["DeregisterScalableTarget"], here, models)
    tracking = _tracking_alarms(here, models)
    allow(grantee, "cloudwatch:DeleteAlarms", on=tracking, because=_NUMBERED_ALARMS)


def scaled_resource(here: WorkloadAccount, model: Model) -> str:
    """Name a model's endpoint, or component, as Application Auto Scaling does."""
    component = here.component_name(model)
    if component is not None:
        return f"inference-component/{component}"
    return f"endpoint/{here.endpoint_name(model)}/variant/AllTraffic"


def _allow_on_targets(
    grantee: Grantee, actions: Sequence[str], here: WorkloadAccount, models: Sequence[Model]
) -> None:
    target = f"arn:{cdk.Aws.PARTITION}:application-autoscaling:{here.region}:{here.account}:scalable-target/*"
    dimensions = sorted({SCALED_DIMENSIONS[here.endpoint(model).kind] for model in models})
    allow(
        grantee,
        *(f"application-autoscaling:{action}" for action in actions),
        on=[target],
        because="Application Auto Scaling names a target by a number of its own; limited by condition",
        conditions={
            "StringEquals": {
                "application-autoscaling:service-namespace": "sagemaker",
                "application-autoscaling:scalable-dimension": dimensions,
            }
        },
    )


def _tracking_alarms(here: WorkloadAccount, models: Sequence[Model]) -> list[str]:
    return [here.alarm_arn(f"TargetTracking-{scaled_resource(here, model)}*") for model in models]


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
    models = [model for model in here.config.models if here.component_name(model)]
    waking = ("cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms")
    allow(promoter, *waking, on=here.alarms_of(models), because=NAMED_ALARMS)
