"""What a DeploymentConfig asks for: how big the steps are, how long they bake, what ends them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.cloud.errors import AwsError
from local.sagemaker.hosting.hosting_variant import is_hosting
from local.sagemaker.refuse import refuse

_MOST_PERCENT = 50
_LEAST_PERCENT = {"LINEAR": 10, "ROLLING": 5}


@dataclass(frozen=True)
class Size:
    """A part of a fleet or of a component: a number, or a percentage in whole ones, at least one."""

    kind: str
    value: int

    def of(self, count: int) -> int:
        """Give how many of `count` instances or copies this is."""
        part = count * self.value // 100 if self.kind == "CAPACITY_PERCENT" else self.value
        return max(1, min(part, count))


@dataclass(frozen=True)
class Plan:
    """A deployment's steps, `ALL_AT_ONCE`, `CANARY`, `LINEAR` or `ROLLING`, and its limits in seconds."""

    kind: str = "ALL_AT_ONCE"
    size: Size | None = None
    wait: float = 0.0
    termination_wait: float = 0.0
    timeout: float | None = None
    alarms: tuple[str, ...] = ()
    rollback_size: Size | None = None

    def steps(self, count: int) -> list[int]:
        """Give how many of a fleet's `count` instances take requests after each step."""
        if self.size is None:
            return [count]
        step = self.size.of(count)
        taking = [step] if self.kind == "CANARY" else list(range(step, count, step))
        return [*(part for part in taking if part < count), count]


def read_plan(config: Mapping[str, Any] | None) -> Plan:
    """Read a DeploymentConfig; AwsError where its parts do not fit each other."""
    config = config or {}
    alarms = tuple(a["AlarmName"] for a in config.get("AutoRollbackConfiguration", {}).get("Alarms", []))
    blue_green, rolling = config.get("BlueGreenUpdatePolicy"), config.get("RollingUpdatePolicy")
    if blue_green and rolling:
        raise _invalid("only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be given")
    if rolling:
        plan = _rolling(rolling, alarms)
    elif blue_green:
        plan = _blue_green(blue_green, alarms)
    else:
        plan = Plan(alarms=alarms)
    if plan.timeout is not None and plan.timeout <= plan.wait + plan.termination_wait:
        raise _invalid(
            f"MaximumExecutionTimeoutInSeconds ({plan.timeout}) must be larger than the waits together "
            f"({plan.wait + plan.termination_wait})"
        )
    return plan


def _blue_green(policy: Mapping[str, Any], alarms: tuple[str, ...]) -> Plan:
    routing = policy["TrafficRoutingConfiguration"]
    kind = routing["Type"]
    wanted = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}
    for type_, field in wanted.items():
        if (field in routing) != (type_ == kind):
            raise _invalid(f"{field} goes with Type {type_} and no other: Type is {kind}")
    return Plan(
        kind=kind,
        size=_size(routing[wanted[kind]]) if kind in wanted else None,
        wait=routing["WaitIntervalInSeconds"],
        termination_wait=policy.get("TerminationWaitInSeconds", 0),
        timeout=policy.get("MaximumExecutionTimeoutInSeconds"),
        alarms=alarms,
    )


def _rolling(policy: Mapping[str, Any], alarms: tuple[str, ...]) -> Plan:
    rollback = policy.get("RollbackMaximumBatchSize")
    return Plan(
        kind="ROLLING",
        size=_size(policy["MaximumBatchSize"]),
        wait=policy["WaitIntervalInSeconds"],
        timeout=policy.get("MaximumExecutionTimeoutInSeconds"),
        alarms=alarms,
        rollback_size=_size(rollback) if rollback else None,
    )


def _size(given: Mapping[str, Any]) -> Size:
    return Size(given["Type"], given["Value"])


def check_plan(
    plan: Plan, old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]], *, asked: bool
) -> None:
    """Raise AwsError unless the plan can be followed from the old production variants to the new.

    `asked` says that a DeploymentConfig was given: without one, variants may change their names.
    """
    if any("ServerlessConfig" in variant for variant in [*old, *new]):
        if plan.kind != "ALL_AT_ONCE" or plan.alarms:
            raise refuse(f"{plan.kind} deployments with alarms or steps of serverless variants")
        return
    if plan.size and any(is_hosting(variant) for variant in new):
        # Its components have updates of their own; the variant has no instances here to exchange.
        raise refuse(f"{plan.kind} deployments of variants that host inference components")
    if asked and old and {v["VariantName"] for v in old} != {v["VariantName"] for v in new}:
        raise _invalid("the new endpoint configuration must have the same variant names as the old one")
    if plan.kind == "ROLLING" and len(new) > 1:
        raise _invalid("RollingUpdatePolicy does not support endpoints with more than one variant")
    for variant in new:
        _check_size(plan, variant)


def _check_size(plan: Plan, variant: Mapping[str, Any]) -> None:
    if plan.size is None:
        return
    count = int(variant.get("InitialInstanceCount", 1))
    percent = plan.size.value if plan.size.kind == "CAPACITY_PERCENT" else 100 * plan.size.value / count
    least = _LEAST_PERCENT.get(plan.kind, 0)
    if count < 2 or not least <= percent <= _MOST_PERCENT:
        bounds = f"between {least} % and {_MOST_PERCENT} %" if least else f"at most {_MOST_PERCENT} %"
        raise _invalid(
            f"the size of a {plan.kind} step must be {bounds} of the variant's total instance count: "
            f"{variant['VariantName']} has {count}"
        )


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", f"DeploymentConfig: {message}.")
