"""How many instances, or copies of a component, an endpoint runs on: as many as its requests need."""

from typing import Any

from botocore.exceptions import ClientError

from lambdas.promotion import alarms
from lambdas.promotion.endpoints import VARIANT, describe
from lambdas.promotion.settings import EndpointSettings

# In quickly, since a new instance takes minutes to come; out slowly, since the next rush may be near.
_OUT_COOLDOWN_SECONDS, _IN_COOLDOWN_SECONDS = 60, 300


def ensure(there: Any, settings: EndpointSettings) -> None:
    """Register what serves for scaling, with its policies; take that back where the number is fixed.

    `there` is a session in the environment.
    """
    if settings.kind == "serverless":
        return
    if settings.scaling is None:
        forget(there, settings)
        return
    autoscaling = there.client("application-autoscaling")
    target, bounds = _target(settings), settings.scaling
    autoscaling.register_scalable_target(**target, MinCapacity=bounds["min"], MaxCapacity=bounds["max"])
    autoscaling.put_scaling_policy(
        PolicyName=f"{settings.own_name}-load",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": float(bounds["target"]),
            "PredefinedMetricSpecification": {"PredefinedMetricType": _metric(settings)},
            "ScaleOutCooldown": _OUT_COOLDOWN_SECONDS,
            "ScaleInCooldown": _IN_COOLDOWN_SECONDS,
        },
        **target,
    )
    if bounds["min"] == 0:
        _wake(autoscaling, there.client("cloudwatch"), settings)


def forget(there: Any, settings: EndpointSettings) -> None:
    """Leave the number as it is; the policies go with the registration."""
    if settings.kind == "serverless":
        return
    try:
        there.client("application-autoscaling").deregister_scalable_target(**_target(settings))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ObjectNotFoundException":
            raise
    if settings.component_name is not None:
        alarms.delete(there.client("cloudwatch"), [sleep_alarm(settings.own_name)])


def make_way(there: Any, settings: EndpointSettings, config: str | None) -> None:
    """Deregister before an update to a config of another instance type: SageMaker refuses it otherwise.

    check_endpoint and restore_endpoint register again. Any other update leaves the registration as it is.
    """
    if settings.kind == "serverless" or config is None:
        return
    sagemaker = there.client("sagemaker")
    endpoint = describe(sagemaker, settings.name)
    if endpoint is None or endpoint.config in ("", config):
        return
    if _instance_type(sagemaker, endpoint.config) != _instance_type(sagemaker, config):
        forget(there, settings)


def sleep_alarm(component: str) -> str:
    """Name the alarm that wakes a component that has no copies, when somebody asks it."""
    return f"{component}-asleep"


def _wake(autoscaling: Any, cloudwatch: Any, settings: EndpointSettings) -> None:
    """Target tracking divides by the copies, and never leaves zero: a request that finds none does."""
    policy = autoscaling.put_scaling_policy(
        PolicyName=f"{settings.own_name}-wake",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "MetricAggregationType": "Maximum",
            "Cooldown": _OUT_COOLDOWN_SECONDS,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
        **_target(settings),
    )
    cloudwatch.put_metric_alarm(
        AlarmName=sleep_alarm(settings.own_name),
        AlarmActions=[policy["PolicyARN"]],
        Namespace="AWS/SageMaker",
        MetricName="NoCapacityInvocationFailures",
        Dimensions=[{"Name": "InferenceComponentName", "Value": settings.own_name}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        DatapointsToAlarm=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )


def _instance_type(sagemaker: Any, config: str) -> str | None:
    variant = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"][0]
    found: str | None = variant.get("InstanceType")
    return found


def _metric(settings: EndpointSettings) -> str:
    if settings.component_name is not None:
        return "SageMakerInferenceComponentInvocationsPerCopy"
    return "SageMakerVariantInvocationsPerInstance"


def _target(settings: EndpointSettings) -> dict[str, str]:
    if settings.component_name is not None:
        return {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"inference-component/{settings.component_name}",
            "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
        }
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{settings.name}/variant/{VARIANT}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
