from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from local.sagemaker.hosting.instance import UnhealthyError
from local.sagemaker.hosting.plan import Plan, Size
from local.sagemaker.hosting.rolling import RollbackFailedError, Rolling
from local.sagemaker.hosting.traffic import Traffic
from local.sagemaker.hosting.variant import Variant
from local.sagemaker.hosting.watch import AbortedError, Watch


class StandInFleet:
    """A fleet of one variant whose instances need no process."""

    def __init__(self, name: str, desired: int, running: int) -> None:
        self.name, self.failing = name, False
        self.variants = [Variant("all", 1.0, {"ModelName": "m"}, {}, desired=desired)]
        self.resize(self.variants[0], running)

    def resize(self, variant: Variant, count: int, cancelled: Callable[[], bool] = bool) -> None:
        if self.failing:
            raise UnhealthyError("no capacity")
        variant.instances = [object()] * count  # type: ignore[list-item]

    @property
    def running(self) -> int:
        return len(self.variants[0].instances)


class Lane:
    """A rolling update of four instances by two, and what was seen at each change."""

    def __init__(self, failing_bake: int | None = None, **plan: Any) -> None:
        self.blue, self.green = StandInFleet("blue", 4, 4), StandInFleet("green", 4, 0)
        self.traffic, self.seen, self.bakes, self._failing = Traffic(), [], 0, failing_bake  # type: ignore[var-annotated]
        watch = Watch(threading.Event(), None, self._alarms, list)
        policy = Plan("ROLLING", Size("INSTANCE_COUNT", 2), **plan)
        blue, green, note = self.blue, self.green, self._note
        self.update = Rolling(self.traffic, blue, green, policy, watch, note)  # type: ignore[arg-type]

    def _alarms(self) -> None:
        self.bakes += 1
        if self.bakes == self._failing:
            raise AbortedError("The alarm rang.")

    def _note(self) -> None:
        words = [f.variants[0].status.word for f in (self.green, self.blue) if f.variants[0].status]
        self.seen.append((self.blue.running, self.green.running, words[0]))

    @property
    def shares(self) -> dict[str, float]:
        return {portion.fleet.name: portion.shares["all"] for portion in self.traffic.portions}


def test_each_batch_comes_answers_and_then_as_many_old_ones_go() -> None:
    lane = Lane()
    lane.update.run()
    assert [(blue, green) for blue, green, _ in lane.seen] == [(4, 0), (4, 2), (4, 2), (2, 2), (2, 4), (2, 4)]
    assert lane.shares == {"green": 1.0, "blue": 0.0}


def test_an_alarm_brings_the_ended_instances_back_and_then_the_traffic() -> None:
    lane = Lane(failing_bake=2)
    with pytest.raises(AbortedError, match="rang"):
        lane.update.run()
    assert lane.blue.running == 4
    assert lane.shares == {"blue": 1.0}


def test_a_roll_back_goes_by_its_own_batches() -> None:
    lane = Lane(failing_bake=2, rollback_size=Size("INSTANCE_COUNT", 1))
    with pytest.raises(AbortedError):
        lane.update.run()
    assert [blue for blue, _, _ in lane.seen][-2:] == [2, 3]
    assert lane.blue.running == 4


def test_a_roll_back_that_fails_leaves_both_fleets_serving() -> None:
    lane = Lane(failing_bake=2)
    note = lane.update.changed

    def fail_from_the_second_batch_on() -> None:
        note()
        lane.blue.failing = lane.blue.running == 2

    lane.update.changed = fail_from_the_second_batch_on
    with pytest.raises(RollbackFailedError, match=r"rang.*no capacity"):
        lane.update.run()
    assert (lane.blue.running, lane.green.running) == (2, 4)
    assert lane.shares == {"green": 0.5, "blue": 0.5}
