from __future__ import annotations

from typing import Any

import pytest

from local.cloud.errors import AwsError
from local.sagemaker.hosting.plan import Plan, Size, check_plan, read_plan


def _routing(kind: str, **more: Any) -> dict[str, Any]:
    routing = {"Type": kind, "WaitIntervalInSeconds": 60, **more}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}


def _size(value: int, kind: str = "CAPACITY_PERCENT") -> dict[str, Any]:
    return {"Type": kind, "Value": value}


def _variant(count: int = 4, name: str = "AllTraffic", **more: Any) -> dict[str, Any]:
    return {"VariantName": name, "ModelName": "m", "InitialInstanceCount": count, **more}


def _rolling(value: int) -> dict[str, Any]:
    return {"RollingUpdatePolicy": {"MaximumBatchSize": _size(value), "WaitIntervalInSeconds": 60}}


@pytest.mark.parametrize(
    ("config", "count", "steps"),
    [
        (None, 3, [3]),
        (_routing("ALL_AT_ONCE"), 3, [3]),
        (_routing("CANARY", CanarySize=_size(25)), 8, [2, 8]),
        (_routing("CANARY", CanarySize=_size(10)), 2, [1, 2]),
        (_routing("CANARY", CanarySize=_size(50)), 3, [1, 3]),
        (_routing("CANARY", CanarySize=_size(2, "INSTANCE_COUNT")), 5, [2, 5]),
        (_routing("LINEAR", LinearStepSize=_size(33)), 3, [1, 2, 3]),
        (_routing("LINEAR", LinearStepSize=_size(2, "INSTANCE_COUNT")), 5, [2, 4, 5]),
        (_rolling(50), 4, [2, 4]),
    ],
)
def test_a_plan_takes_whole_instances_and_ends_with_all(
    config: dict[str, Any] | None, count: int, steps: list[int]
) -> None:
    assert read_plan(config).steps(count) == steps


def test_a_plan_has_the_waits_the_limit_and_the_alarms() -> None:
    config = _routing("CANARY", CanarySize=_size(10))
    config["BlueGreenUpdatePolicy"] |= {
        "TerminationWaitInSeconds": 30,
        "MaximumExecutionTimeoutInSeconds": 600,
    }
    config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": "slow"}, {"AlarmName": "wrong"}]}
    plan = read_plan(config)
    assert (plan.wait, plan.termination_wait, plan.timeout) == (60, 30, 600)
    assert plan.alarms == ("slow", "wrong")


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({**_routing("ALL_AT_ONCE"), **_rolling(10)}, "only one of"),
        (_routing("CANARY"), "CanarySize goes with Type CANARY"),
        (_routing("LINEAR", CanarySize=_size(10)), "CanarySize goes with Type CANARY"),
        (_routing("ALL_AT_ONCE", LinearStepSize=_size(10)), "LinearStepSize goes with Type LINEAR"),
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(config: dict[str, Any], named: str) -> None:
    with pytest.raises(AwsError, match=named) as refused:
        read_plan(config)
    assert refused.value.code == "ValidationException"


def test_the_limit_must_be_longer_than_the_waits() -> None:
    config = _routing("CANARY", CanarySize=_size(10), WaitIntervalInSeconds=400)
    config["BlueGreenUpdatePolicy"] |= {
        "TerminationWaitInSeconds": 200,
        "MaximumExecutionTimeoutInSeconds": 600,
    }
    with pytest.raises(AwsError, match="MaximumExecutionTimeoutInSeconds"):
        read_plan(config)


@pytest.mark.parametrize(
    ("kind", "size", "count", "fits"),
    [
        ("CANARY", Size("CAPACITY_PERCENT", 50), 2, True),
        ("CANARY", Size("CAPACITY_PERCENT", 51), 10, False),
        ("CANARY", Size("INSTANCE_COUNT", 1), 2, True),
        ("CANARY", Size("INSTANCE_COUNT", 1), 1, False),
        ("CANARY", Size("CAPACITY_PERCENT", 10), 1, False),
        ("CANARY", Size("INSTANCE_COUNT", 2), 3, False),
        ("LINEAR", Size("CAPACITY_PERCENT", 9), 10, False),
        ("LINEAR", Size("CAPACITY_PERCENT", 10), 10, True),
        ("ROLLING", Size("CAPACITY_PERCENT", 4), 10, False),
        ("ROLLING", Size("CAPACITY_PERCENT", 5), 10, True),
    ],
)
def test_a_step_is_at_most_half_of_the_instances(kind: str, size: Size, count: int, fits: bool) -> None:
    variants = [_variant(count)]
    if fits:
        check_plan(Plan(kind, size), variants, variants, asked=True)
        return
    with pytest.raises(AwsError, match="total instance count"):
        check_plan(Plan(kind, size), variants, variants, asked=True)


def test_variants_keep_their_names_where_a_deployment_config_is_given() -> None:
    old, new = [_variant(name="one")], [_variant(name="other")]
    check_plan(Plan(), old, new, asked=False)
    with pytest.raises(AwsError, match="same variant names"):
        check_plan(Plan(), old, new, asked=True)


@pytest.mark.parametrize("kind", ["CANARY", "LINEAR", "ROLLING"])
def test_a_variant_that_hosts_components_has_no_steps(kind: str) -> None:
    hosting = [{"VariantName": "AllTraffic", "InitialInstanceCount": 4}]
    with pytest.raises(AwsError, match="variants that host inference components"):
        check_plan(Plan(kind, Size("INSTANCE_COUNT", 2)), hosting, hosting, asked=True)
    check_plan(Plan(alarms=("slow",)), hosting, hosting, asked=True)


def test_a_rolling_update_has_one_variant() -> None:
    both = [_variant(name="one"), _variant(name="other")]
    with pytest.raises(AwsError, match="more than one variant"):
        check_plan(Plan("ROLLING", Size("CAPACITY_PERCENT", 50)), both, both, asked=True)


@pytest.mark.parametrize("plan", [Plan("CANARY", Size("CAPACITY_PERCENT", 10)), Plan(alarms=("slow",))])
def test_a_serverless_variant_has_no_guardrails(plan: Plan) -> None:
    serverless = [_variant(ServerlessConfig={"MemorySizeInMB": 1024, "MaxConcurrency": 1})]
    with pytest.raises(AwsError, match="serverless"):
        check_plan(plan, serverless, serverless, asked=True)
    check_plan(Plan(), serverless, serverless, asked=True)
