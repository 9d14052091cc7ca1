"""The scaler by itself: a resource in memory, alarms that ring when told, a clock that is set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from local.autoscaling.book import Book, Policy, Target
from local.autoscaling.resource import Capacity, MetricSource
from local.autoscaling.scaler import Scaler
from local.autoscaling.wishes import Ringing
from local.cloud.errors import AwsError


@dataclass(eq=False)
class Fleet:
    """A resource that takes no time."""

    count: int = 2
    changeable: bool = True
    written: list[int] = field(default_factory=list)
    error: AwsError | None = None
    id: ClassVar[str] = "endpoint/e/variant/v"
    name: ClassVar[str] = "v"
    arn_part: ClassVar[str] = "endpoint/e"
    least: ClassVar[int] = 1
    noun: ClassVar[str] = "instance"
    dimension: ClassVar[str] = "sagemaker:variant:DesiredInstanceCount"
    actions: ClassVar[tuple[str, ...]] = ()
    predefined: ClassVar[str] = "metric"

    def read(self, client: Any) -> Capacity:
        return Capacity(self.count, self.changeable)

    def write(self, client: Any, capacity: int) -> None:
        if self.error:
            raise self.error
        self.written.append(capacity)
        self.count = capacity

    def metric(self) -> MetricSource:
        raise AssertionError("not asked for")


class Stage:
    """A target between 1 and 10 with one policy that tracks 100, and what rings."""

    def __init__(self, count: int = 2, **config: Any) -> None:
        self.now = 1000.0
        self.fleet, self.book = Fleet(count), Book()
        self.rings: list[Ringing] = []
        self.book.put_target(Target(self.fleet, "arn", "role", 1, 10))
        self.policy = self.add("load", TargetValue=100.0, **config)
        session = type("Session", (), {"client": lambda self, name: None})
        cloud = type("Cloud", (), {"service_session": lambda *_: session()})
        self.scaler = Scaler(cloud(), self.book, lambda resource: self.rings, lambda: self.now)  # type: ignore[arg-type]

    def add(self, name: str, kind: str = "TargetTrackingScaling", **config: Any) -> Policy:
        policy = Policy(self.fleet, name, f"arn:{name}", kind, config, f"{name}-high", f"{name}-low")
        self.book.put_policy(policy)
        return policy

    def ring(self, value: float, policy: Policy | None = None, *, low: bool = False) -> None:
        rung = policy or self.policy
        alarm = rung.low if low else rung.high
        self.rings.append(Ringing(alarm, value, 0.0, rung))

    def look(self, *, later: float = 0.0) -> int:
        """Look twice: the second time sees that the first is done."""
        self.now += later
        self.scaler.look()
        ringing, self.rings = self.rings, []
        self.scaler.look()
        self.rings = ringing
        return self.fleet.count

    def causes(self) -> list[str]:
        return [activity.cause for activity in self.book.activities()]


def test_a_high_alarm_scales_out_to_the_target_within_the_bounds() -> None:
    stage = Stage()
    stage.ring(250)
    assert stage.look() == 5
    assert stage.causes() == ["monitor alarm load-high in state ALARM triggered policy load"]
    activity = next(iter(stage.book.activities()))
    assert (activity.status, activity.description) == ("Successful", "Setting desired instance count to 5.")
    high = Stage()
    high.ring(5000)
    assert high.look() == 10


def test_while_a_scale_out_cools_down_only_more_than_it_gave_is_added() -> None:
    stage = Stage(ScaleOutCooldown=60)
    stage.ring(200)
    assert stage.look() == 4
    assert stage.look(later=30) == 4  # the same load, reckoned from the two of before
    stage.rings = []
    stage.ring(300)
    assert stage.look(later=1) == 6
    stage.rings = []
    stage.ring(200)
    assert stage.look(later=61) == 10  # twelve, from the six of now: the bound


def test_a_low_alarm_scales_in_once_a_cooldown() -> None:
    stage = Stage(8, ScaleInCooldown=60)
    stage.ring(50, low=True)
    assert stage.look() == 4
    assert stage.look(later=30) == 4
    assert stage.look(later=31) == 2


def test_a_scale_out_does_not_wait_for_the_cooldown_of_a_scale_in() -> None:
    stage = Stage(4, ScaleInCooldown=600)
    stage.ring(50, low=True)
    assert stage.look() == 2
    stage.rings = []
    stage.ring(300)
    assert stage.look(later=1) == 6


def test_less_only_where_all_that_track_agree_more_where_one_asks() -> None:
    stage = Stage(6)
    other = stage.add("other", TargetValue=10.0)
    stage.ring(10, low=True)
    assert stage.look() == 6
    stage.ring(5, other, low=True)
    assert stage.look() == 3  # the larger of one and three
    stage.rings = []
    stage.ring(10, low=True)
    stage.ring(20, other)
    assert stage.look() == 6


def test_scale_in_can_be_left_out() -> None:
    stage = Stage(6, DisableScaleIn=True)
    stage.ring(10, low=True)
    assert stage.look() == 6
    assert not stage.causes()


def test_steps_leave_zero_which_tracking_cannot() -> None:
    stage = Stage(0)
    stage.book.put_target(Target(stage.fleet, "arn", "role", 0, 3))
    stage.ring(1000)
    assert stage.look() == 0
    steps = [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]
    wake = stage.add(
        "wake", "StepScaling", AdjustmentType="ChangeInCapacity", StepAdjustments=steps, Cooldown=60
    )
    stage.rings = [Ringing("asleep", 2.0, 1.0, wake)]
    assert stage.look() == 1
    assert stage.look(later=30) == 1  # one more would be reckoned from zero
    assert stage.look(later=31) == 2


def test_what_is_out_of_its_bounds_is_brought_between_them() -> None:
    stage = Stage(1)
    stage.book.put_target(Target(stage.fleet, "arn", "role", 3, 10))
    stage.scaler.check_bounds(stage.fleet)
    stage.scaler.close()
    assert stage.look() == 3
    assert stage.causes() == ["minimum capacity was set to 3"]


def test_while_the_resource_is_updated_nothing_is_done_and_it_is_said_once() -> None:
    stage = Stage()
    stage.fleet.changeable = False
    stage.ring(500)
    stage.scaler.look()
    stage.scaler.look()
    assert stage.fleet.written == []
    told = [activity.not_scaled for activity in stage.book.activities()]
    assert told == [{"Code": "TargetServicePutResourceAsUnscalable"}]
    stage.fleet.changeable = True
    assert stage.look() == 10


def test_at_the_most_it_is_said_why_nothing_is_added() -> None:
    stage = Stage(10)
    stage.ring(500)
    assert stage.look() == 10
    told = next(iter(stage.book.activities())).not_scaled
    assert told == {"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 10, "CurrentCapacity": 10}


@pytest.mark.parametrize(("low", "word"), [(False, "Out"), (True, "In")])
def test_a_suspended_direction_is_left_alone(low: bool, word: str) -> None:
    stage = Stage(4)
    stage.book.put_target(Target(stage.fleet, "arn", "role", 1, 10, {f"DynamicScaling{word}Suspended": True}))
    stage.ring(50 if low else 500, low=low)
    assert stage.look() == 4
    stage.rings = []
    stage.ring(500 if low else 50, low=not low)
    assert stage.look() != 4


def test_a_refusal_of_the_service_is_the_activitys_end_and_the_next_look_tries_again() -> None:
    stage = Stage()
    stage.fleet.error = AwsError("ResourceLimitExceeded", "no more instances")
    stage.ring(200)
    stage.scaler.look()
    activity = next(iter(stage.book.activities()))
    assert activity.status == "Failed"
    assert "no more instances" in activity.message
    stage.fleet.error = None
    assert stage.look(later=1) == 4
