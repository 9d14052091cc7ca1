"""The alarms of an endpoint, with their thresholds, and how it scales."""

from dataclasses import replace
from typing import Any

import pytest

from lambdas.promotion import alarms, autoscaling
from lambdas.promotion.settings import EndpointSettings

REALTIME = EndpointSettings(
    "prod",
    {"InstanceType": "ml.m5.large"},
    kind="realtime",
    p95_ms=150,
    error_percent=0.5,
    drift=0.2,
    watched=True,
    scaling={"min": 2, "max": 4, "target": 600},
)
SERVERLESS = replace(REALTIME, kind="serverless", scaling=None, variant={})
COMPONENTS = replace(REALTIME, kind="components", scaling={"min": 0, "max": 3, "target": 600})
REGISTERED = {"empty_share": 0.3, "mean_score": 0.8}


def put(
    there: Any, settings: EndpointSettings, *registered: dict[str, float], topic: str | None = None
) -> Any:
    return alarms.put(there.client("cloudwatch"), settings, config="v2", registered=registered, topic=topic)


def test_failed_requests_and_slow_answers_ring_above_what_is_configured(there: Any, cloudwatch: Any) -> None:
    put(there, SERVERLESS, REGISTERED)
    errors, latency = (cloudwatch.alarms[f"prod-{kind}"] for kind in ("errors", "latency"))
    assert (errors["MetricName"], errors["Statistic"], errors["Threshold"]) == (
        "Invocation5XXErrors", "Average", 0.005
    )  # fmt: skip
    assert (latency["MetricName"], latency["ExtendedStatistic"], latency["Threshold"]) == (
        "ModelLatency", "p95", 150_000
    )  # fmt: skip
    assert {alarm["TreatMissingData"] for alarm in cloudwatch.alarms.values()} == {"notBreaching"}


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        (SERVERLESS, ["EndpointName", "VariantName"]),
        (REALTIME, ["EndpointName", "VariantName", "EndpointConfigName"]),
        (COMPONENTS, ["InferenceComponentName"]),
    ],
)
def test_each_kind_is_measured_where_aws_measures_it(
    there: Any, cloudwatch: Any, settings: EndpointSettings, names: list[str]
) -> None:
    put(there, settings, REGISTERED)
    for kind in ("errors", "latency"):
        assert [dimension["Name"] for dimension in cloudwatch.alarms[f"prod-{kind}"]["Dimensions"]] == names


def drift(alarm: dict[str, Any]) -> tuple[str, float]:
    return alarm["Metrics"][-1]["Expression"], alarm["Threshold"]


def test_answers_ring_when_they_are_further_from_what_was_registered_than_they_may(
    there: Any, cloudwatch: Any
) -> None:
    put(there, REALTIME, REGISTERED)
    assert drift(cloudwatch.alarms["prod-empty"]) == ("IF(requests >= 20, ABS(value - 0.300000), 0)", 0.2)
    assert drift(cloudwatch.alarms["prod-score"]) == ("IF(requests >= 20, ABS(value - 0.800000), 0)", 0.2)


def test_while_one_release_takes_over_an_answer_may_be_like_either(there: Any, cloudwatch: Any) -> None:
    put(there, REALTIME, REGISTERED, {"empty_share": 0.7, "mean_score": 0.8})
    assert drift(cloudwatch.alarms["prod-empty"]) == ("IF(requests >= 20, ABS(value - 0.500000), 0)", 0.4)
    assert drift(cloudwatch.alarms["prod-score"])[1] == 0.2


def test_an_alarm_without_anything_to_compare_with_is_taken_away(there: Any, cloudwatch: Any) -> None:
    assert put(there, REALTIME, REGISTERED) == ["prod-errors", "prod-latency", "prod-empty", "prod-score"]
    assert put(there, REALTIME, {}) == ["prod-errors", "prod-latency"]
    assert list(cloudwatch.alarms) == ["prod-errors", "prod-latency"]
    alarms.remove(there.client("cloudwatch"), REALTIME)
    assert cloudwatch.alarms == {}


def test_alarms_tell_the_topic_where_somebody_reads_it(there: Any, cloudwatch: Any) -> None:
    put(there, REALTIME, topic="arn:aws:sns:eu-west-1:1:alarms")
    assert cloudwatch.alarms["prod-errors"]["AlarmActions"] == ["arn:aws:sns:eu-west-1:1:alarms"]
    put(there, REALTIME)
    assert "AlarmActions" not in cloudwatch.alarms["prod-errors"]


def test_an_endpoint_that_nobody_watches_has_no_alarms(there: Any, cloudwatch: Any) -> None:
    assert put(there, replace(REALTIME, watched=False), REGISTERED) == []
    assert cloudwatch.alarms == {}
    assert alarms.ringing(there.client("cloudwatch"), []) == []


def test_alarms_that_are_on_are_named_with_their_reason(there: Any, cloudwatch: Any) -> None:
    cloudwatch.on = {"prod-errors": "0.4 is above 0.005", "other": ""}
    (ringing,) = alarms.ringing(there.client("cloudwatch"), ["prod-errors", "prod-latency"])
    assert (ringing.name, ringing.reason) == ("prod-errors", "0.4 is above 0.005")
    assert ringing.at == "2026-11-21T17:05:00+00:00"


def test_an_alarm_that_was_moved_to_a_new_fleet_forgets_the_old_one(there: Any, cloudwatch: Any) -> None:
    """What is burning must not leave the release that mends it without its guards."""
    of = REALTIME
    cloudwatch.on = {f"{of.name}-errors": "0.4 is above 0.005", f"{of.name}-score": "0.4 is too far"}
    client = there.client("cloudwatch")
    left = alarms.forget(client, of, alarms.ringing(client, list(cloudwatch.on)))
    assert [alarm.name for alarm in left] == [f"{of.name}-score"]
    assert list(cloudwatch.on) == [f"{of.name}-score"]


def test_instances_follow_the_requests_that_one_should_take(there: Any, scaling: Any) -> None:
    autoscaling.ensure(there, REALTIME)
    target = scaling.targets["endpoint/prod/variant/AllTraffic"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 4)
    tracking = scaling.policies["prod-load"]["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] == 600
    assert tracking["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
    }
    assert list(scaling.policies) == ["prod-load"]


def test_a_component_that_may_sleep_is_woken_by_the_request_that_finds_no_copy(
    there: Any, scaling: Any, cloudwatch: Any
) -> None:
    autoscaling.ensure(there, COMPONENTS)
    assert scaling.targets["inference-component/prod"]["MinCapacity"] == 0
    asleep = cloudwatch.alarms["prod-asleep"]
    assert asleep["AlarmActions"] == ["arn:policy/prod-wake"]
    assert asleep["MetricName"] == "NoCapacityInvocationFailures"
    autoscaling.forget(there, COMPONENTS)
    assert (scaling.targets, cloudwatch.alarms) == ({}, {})


def test_a_fixed_number_is_taken_back_from_scaling_and_serverless_scales_by_itself(
    there: Any, scaling: Any
) -> None:
    autoscaling.ensure(there, REALTIME)
    for _ in range(2):
        autoscaling.ensure(there, replace(REALTIME, scaling=None))
    assert scaling.targets == {}
    autoscaling.ensure(there, SERVERLESS)
    assert scaling.targets == {}


def test_only_an_update_to_other_instances_is_made_way_for(there: Any, sagemaker: Any, scaling: Any) -> None:
    autoscaling.make_way(there, REALTIME, "v1")
    for config, instance in (("v1", "ml.m5.large"), ("v2", "ml.m5.large"), ("v3", "ml.c6i.large")):
        variant = {"ModelName": "m", "InstanceType": instance}
        sagemaker.configs[config] = {"ProductionVariants": [variant]}
    sagemaker.create_endpoint(EndpointName="prod", EndpointConfigName="v1", Tags=[])
    autoscaling.ensure(there, REALTIME)
    for config in ("v1", "v2", None):
        autoscaling.make_way(there, REALTIME, config)
    assert len(scaling.targets) == 1
    autoscaling.make_way(there, REALTIME, "v3")
    assert scaling.targets == {}
