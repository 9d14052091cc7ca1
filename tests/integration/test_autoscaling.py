"""Application Auto Scaling over real endpoints: registered, refused, scaled by the metrics of requests."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from speaking_endpoint import VARIANT, Speaking
from waiting import eventually

from local.cloud.server import LocalCloud
from local.monitoring import monitoring_of

_STEPS = {
    "AdjustmentType": "ChangeInCapacity",
    "MetricAggregationType": "Maximum",
    "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
    "Cooldown": 60,
}


class Scaled:
    """A scalable target: an endpoint's variant, or its component."""

    def __init__(self, endpoint: Speaking, *, component: bool = False) -> None:
        self.endpoint, self.client = endpoint, endpoint.client("application-autoscaling")
        kind = f"inference-component/{endpoint.name}"
        dimension = "sagemaker:inference-component:DesiredCopyCount"
        if not component:
            kind = f"endpoint/{endpoint.name}/variant/{VARIANT}"
            dimension = "sagemaker:variant:DesiredInstanceCount"
        self.key = {"ServiceNamespace": "sagemaker", "ResourceId": kind, "ScalableDimension": dimension}

    def register(self, least: int, most: int, **more: Any) -> str:
        answer = self.client.register_scalable_target(**self.key, MinCapacity=least, MaxCapacity=most, **more)
        return str(answer["ScalableTargetARN"])

    def track(self, target: float, metric: str, **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.put_scaling_policy(
            **self.key,
            PolicyName="load",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": target,
                "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
                **more,
            },
        )
        return answer

    def activities(self, **more: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.describe_scaling_activities(
            ServiceNamespace="sagemaker", ResourceId=self.key["ResourceId"], **more
        )["ScalingActivities"]
        return found


@pytest.fixture
def endpoint(cloud: LocalCloud) -> Iterator[Speaking]:
    made = Speaking(cloud)
    made.start("one")
    yield made
    made.settled()
    made.delete()


@pytest.fixture
def hosting(cloud: LocalCloud) -> Iterator[Speaking]:
    made = Speaking(cloud)
    made.start()
    made.add_component("one")
    yield made
    made.delete()


def _instances(endpoint: Speaking) -> int:
    variant = endpoint.sm.describe_endpoint(EndpointName=endpoint.name)["ProductionVariants"][0]
    return int(variant["CurrentInstanceCount"])


def test_a_variant_is_brought_within_its_bounds_and_described(endpoint: Speaking) -> None:
    scaled = Scaled(endpoint)
    arn = scaled.register(2, 3, Tags={"team": "line"})
    eventually(lambda: _instances(endpoint) == 2)
    eventually(lambda: scaled.activities()[0]["StatusCode"] == "Successful")
    assert scaled.activities()[0]["Cause"] == "minimum capacity was set to 2"
    (target,) = scaled.client.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[scaled.key["ResourceId"]]
    )["ScalableTargets"]
    assert (target["ScalableTargetARN"], target["MinCapacity"], target["MaxCapacity"]) == (arn, 2, 3)
    assert target["RoleARN"].endswith("/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint")
    assert scaled.client.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"team": "line"}
    assert scaled.register(1, 3) == arn  # the same target, with other bounds
    scaled.client.deregister_scalable_target(**scaled.key)
    with pytest.raises(ClientError, match="No scalable target registered for service namespace: sagemaker"):
        scaled.client.deregister_scalable_target(**scaled.key)


def test_load_brings_instances_and_the_policys_alarms_go_with_it(endpoint: Speaking) -> None:
    scaled = Scaled(endpoint)
    scaled.register(1, 3)
    policy = scaled.track(10, "SageMakerVariantInvocationsPerInstance")
    names = [alarm["AlarmName"] for alarm in policy["Alarms"]]
    assert [name.rpartition("-Alarm")[2][:3] for name in names] == ["Hig", "Low"]
    for _ in range(45):
        endpoint.ask()
    eventually(lambda: _instances(endpoint) == 3)  # 45 a minute, 10 for each: five would do
    eventually(lambda: scaled.activities()[0]["StatusCode"] == "Successful")
    assert names[0] in scaled.activities()[0]["Cause"]
    eventually(lambda: "NotScaledReasons" in scaled.activities(IncludeNotScaledActivities=True)[0])
    (reason,) = scaled.activities(IncludeNotScaledActivities=True)[0]["NotScaledReasons"]
    assert reason == {"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 3, "CurrentCapacity": 3}
    scaled.client.delete_scaling_policy(**scaled.key, PolicyName="load")
    assert not endpoint.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]


def test_silence_brings_nothing_back_less_load_does(endpoint: Speaking) -> None:
    monitoring = monitoring_of(endpoint.cloud)
    assert monitoring is not None
    scaled = Scaled(endpoint)
    scaled.register(2, 3)
    eventually(lambda: _instances(endpoint) == 2)
    scaled.register(1, 3)
    low = scaled.track(100, "SageMakerVariantInvocationsPerInstance")["Alarms"][1]["AlarmName"]
    eventually(lambda: monitoring.alarm_states([low])[low] == "INSUFFICIENT_DATA")
    assert _instances(endpoint) == 2  # SageMaker has no metric of an endpoint that nobody asks
    dimensions = {"EndpointName": endpoint.name, "VariantName": VARIANT}
    for ago in (10, 70):
        at = monitoring.metrics.clock() - ago
        monitoring.put("AWS/SageMaker", "InvocationsPerInstance", 3.0, dimensions, at=at)
    eventually(lambda: _instances(endpoint) == 1)
    assert endpoint.ask() == "one"


def test_a_component_goes_to_zero_and_a_request_wakes_it(hosting: Speaking) -> None:
    scaled, name = Scaled(hosting, component=True), hosting.name
    scaled.register(0, 2)
    policy = scaled.client.put_scaling_policy(
        **scaled.key, PolicyName="wake", PolicyType="StepScaling", StepScalingPolicyConfiguration=_STEPS
    )
    scaled.track(600, "SageMakerInferenceComponentInvocationsPerCopy")
    hosting.client("cloudwatch").put_metric_alarm(
        AlarmName=f"{name}-asleep", Namespace="AWS/SageMaker", MetricName="NoCapacityInvocationFailures",
        Dimensions=[{"Name": "InferenceComponentName", "Value": name}], Statistic="Maximum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching", AlarmActions=[policy["PolicyARN"]],
    )  # fmt: skip
    _be_silent(hosting)
    eventually(lambda: hosting.component()["RuntimeConfig"]["CurrentCopyCount"] == 0)
    with pytest.raises(ClientError, match="has no capacity to process this request"):
        hosting.ask(name)
    eventually(lambda: hosting.component()["RuntimeConfig"]["CurrentCopyCount"] == 1)
    assert hosting.ask(name) == "one"
    assert f"{name}-asleep" in scaled.activities()[0]["Cause"]
    hosting.client("cloudwatch").delete_alarms(AlarmNames=[f"{name}-asleep"])
    scaled.client.deregister_scalable_target(**scaled.key)


def _be_silent(hosting: Speaking) -> None:
    """Two minutes of an idle copy, without waiting for them."""
    monitoring = monitoring_of(hosting.cloud)
    assert monitoring is not None
    for ago in (10, 70, 115):
        at = monitoring.metrics.clock() - ago
        dimensions = {"InferenceComponentName": hosting.name}
        monitoring.put("AWS/SageMaker", "InvocationsPerCopy", 0.0, dimensions, at=at)


def test_a_metric_of_ones_own_scales_too(hosting: Speaking) -> None:
    scaled, namespace = Scaled(hosting, component=True), f"Test/{uuid.uuid4().hex[:8]}"
    scaled.register(1, 3)
    scaled.client.put_scaling_policy(
        **scaled.key,
        PolicyName="queue",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 5,
            "CustomizedMetricSpecification": {
                "Namespace": namespace, "MetricName": "Waiting", "Statistic": "Average"
            },
        },
    )  # fmt: skip
    hosting.client("cloudwatch").put_metric_data(
        Namespace=namespace, MetricData=[{"MetricName": "Waiting", "Value": 9.0}]
    )
    eventually(lambda: hosting.component()["RuntimeConfig"]["CurrentCopyCount"] == 2)
    scaled.client.deregister_scalable_target(**scaled.key)


def test_a_registered_variant_may_change_its_model_but_not_its_instance_type(endpoint: Speaking) -> None:
    scaled = Scaled(endpoint)
    scaled.register(1, 2)
    bigger = endpoint.config("two", instance_type="ml.m5.xlarge")
    with pytest.raises(ClientError, match="must be deregistered as scalable targets"):
        endpoint.sm.update_endpoint(EndpointName=endpoint.name, EndpointConfigName=bigger)
    same = endpoint.config("two")
    endpoint.sm.update_endpoint(EndpointName=endpoint.name, EndpointConfigName=same)
    endpoint.settled()
    assert endpoint.ask() == "two"
    scaled.client.deregister_scalable_target(**scaled.key)
    endpoint.sm.update_endpoint(EndpointName=endpoint.name, EndpointConfigName=bigger)
    endpoint.settled()


def test_an_endpoints_deletion_deregisters_with_the_callers_rights(cloud: LocalCloud) -> None:
    made = Speaking(cloud)
    made.start("one")
    scaled = Scaled(made)
    arn = scaled.register(1, 2)
    delete = {"Effect": "Allow", "Action": "sagemaker:DeleteEndpoint", "Resource": "*"}
    with pytest.raises(ClientError, match="does not have application-autoscaling:DeregisterScalableTarget"):
        _as_user(cloud, "sagemaker", delete).delete_endpoint(EndpointName=made.name)
    deregister = {
        "Effect": "Allow", "Action": "application-autoscaling:DeregisterScalableTarget", "Resource": arn
    }  # fmt: skip
    _as_user(cloud, "sagemaker", delete, deregister).delete_endpoint(EndpointName=made.name)
    listed = scaled.client.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert arn not in [target["ScalableTargetARN"] for target in listed]


def test_who_registers_needs_the_endpoints_own_permissions_too(endpoint: Speaking) -> None:
    scaled = Scaled(endpoint)
    register = {
        "Effect": "Allow",
        "Action": "application-autoscaling:RegisterScalableTarget",
        "Resource": f"arn:aws:application-autoscaling:*:{endpoint.cloud.account}:scalable-target/*",
        "Condition": {
            "StringEquals": {
                "application-autoscaling:service-namespace": "sagemaker",
                "application-autoscaling:scalable-dimension": "sagemaker:variant:DesiredInstanceCount",
            }
        },
    }
    scaled.client = _as_user(endpoint.cloud, "application-autoscaling", register)
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:DescribeEndpoint"):
        scaled.register(1, 2)
    arn = f"arn:aws:sagemaker:*:*:endpoint/{endpoint.name}"
    own = ["sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"]
    roles = "arn:aws:iam::*:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/*"
    scaled.client = _as_user(
        endpoint.cloud, "application-autoscaling", register,
        {"Effect": "Allow", "Action": own, "Resource": arn},
        {"Effect": "Allow", "Action": "iam:CreateServiceLinkedRole", "Resource": roles},
    )  # fmt: skip
    assert scaled.register(1, 2)
    with pytest.raises(ClientError, match="AccessDenied"):
        scaled.track(10, "SageMakerVariantInvocationsPerInstance")
    copies = {**scaled.key, "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount"}
    with pytest.raises(ClientError, match="RegisterScalableTarget"):  # another dimension than the condition's
        scaled.client.register_scalable_target(
            **{**copies, "ResourceId": "inference-component/a"}, MinCapacity=0, MaxCapacity=1
        )


def _as_user(cloud: LocalCloud, service: str, *statements: dict[str, Any]) -> Any:
    iam, name = cloud.root_session().client("iam"), f"user-{uuid.uuid4().hex[:8]}"
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    policy = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    return cloud.session(cloud.user(name, [policy])).client(service)


def test_what_is_not_served_is_refused_by_name(endpoint: Speaking) -> None:
    scaled = Scaled(endpoint)
    with pytest.raises(ClientError, match="MinCapacity and MaxCapacity are required"):
        scaled.client.register_scalable_target(**scaled.key)
    with pytest.raises(ClientError, match="cannot be less than 1"):
        scaled.register(0, 2)
    with pytest.raises(ClientError, match="cannot be less than minimum"):
        scaled.register(3, 2)
    for key, word in (
        ({"ServiceNamespace": "ecs"}, "the service namespace ecs"),
        ({"ScalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency"}, "ProvisionedConcurrency"),
        ({"ResourceId": "endpoint/e"}, "Unsupported resource ID"),
        ({"ResourceId": f"endpoint/{endpoint.name}/variant/Other"}, "has no variant Other"),
        ({"ResourceId": f"endpoint/nobody/variant/{VARIANT}"}, "Could not find endpoint"),
    ):
        with pytest.raises(ClientError, match=word):
            scaled.client.register_scalable_target(**{**scaled.key, **key}, MinCapacity=1, MaxCapacity=2)
    with pytest.raises(ClientError, match="No scalable target registered"):
        scaled.track(10, "SageMakerVariantInvocationsPerInstance")
    scaled.register(1, 2)
    with pytest.raises(ClientError, match="only SageMakerVariantInvocationsPerInstance"):
        scaled.track(10, "SageMakerVariantConcurrentRequestsPerModelHighResolution")
    with pytest.raises(ClientError, match="does not serve PolicyType PredictiveScaling"):
        scaled.client.put_scaling_policy(**scaled.key, PolicyName="p", PolicyType="PredictiveScaling")
    with pytest.raises(ClientError, match="is not served by the local cloud"):
        scaled.client.put_scheduled_action(**scaled.key, ScheduledActionName="night", Schedule="rate(1 day)")
