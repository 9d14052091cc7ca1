from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.sagemaker.hosting.watch import AbortedError, Alarms, Watch


class Clock:
    """Time that passes when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.stopped = threading.Event()
        self.stopped.wait = self._wait  # type: ignore[method-assign]

    def _wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return False

    def __call__(self) -> float:
        return self.now


class CloudWatch:
    def __init__(self, **states: str) -> None:
        self.states = states

    def describe_alarms(self, **asked: Any) -> dict[str, Any]:
        names = asked["AlarmNames"]
        return {
            "MetricAlarms": [
                {"AlarmName": n, "StateValue": self.states[n]} for n in names if n in self.states
            ]
        }


class Forbidden:
    def describe_alarms(self, **asked: Any) -> dict[str, Any]:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeAlarms")


def _healthy() -> list[str]:
    return []


def test_a_bake_takes_its_time() -> None:
    clock = Clock()
    Watch(clock.stopped, None, None, _healthy, clock).bake(600)
    assert clock.now == pytest.approx(600)


def test_a_bake_ends_when_an_alarm_rings_in_it() -> None:
    clock, cloudwatch = Clock(), CloudWatch(errors="OK", latency="INSUFFICIENT_DATA")

    def alarms() -> None:
        if clock.now > 30:
            cloudwatch.states["latency"] = "ALARM"
        Alarms(cloudwatch, ["errors", "latency"]).check()

    with pytest.raises(AbortedError, match=r"ALARM state: latency\."):
        Watch(clock.stopped, None, alarms, _healthy, clock).bake(600)
    assert 30 < clock.now < 31


def test_no_bake_at_all_looks_once_all_the_same() -> None:
    clock = Clock()
    alarms = Alarms(CloudWatch(errors="ALARM"), ["errors"]).check
    with pytest.raises(AbortedError, match="errors"):
        Watch(clock.stopped, None, alarms, _healthy, clock).bake(0)


@pytest.mark.parametrize(
    ("cloudwatch", "named"),
    [(CloudWatch(), "do not exist: errors"), (Forbidden(), "cannot be read.*AccessDenied")],
)
def test_an_alarm_that_cannot_be_watched_guards_nothing(cloudwatch: Any, named: str) -> None:
    with pytest.raises(AbortedError, match=named):
        Alarms(cloudwatch, ["errors"]).check()


def test_a_bake_ends_with_an_instance_of_the_new_fleet() -> None:
    clock = Clock()
    watch = Watch(clock.stopped, None, None, lambda: ["AllTraffic"] if clock.now > 5 else [], clock)
    with pytest.raises(AbortedError, match="AllTraffic failed its health check"):
        watch.bake(600)


def test_a_deployment_has_its_limit_over_all_steps() -> None:
    clock = Clock()
    watch = Watch(clock.stopped, 1000, None, _healthy, clock)
    watch.bake(600)
    with pytest.raises(AbortedError, match=r"MaximumExecutionTimeoutInSeconds \(1000\)"):
        watch.bake(600)
    assert clock.now == pytest.approx(1000, abs=1)


def test_a_deletion_ends_it() -> None:
    clock = Clock()
    watch = Watch(clock.stopped, None, None, _healthy, clock)
    clock.stopped.set()
    with pytest.raises(AbortedError, match="deleted"):
        watch.check()
