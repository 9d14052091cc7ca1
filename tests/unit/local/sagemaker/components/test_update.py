"""The rolling update by itself: copies that take no time, alarms that ring when told."""

from __future__ import annotations

import contextlib
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from local.sagemaker.components.copies import Copy, Release
from local.sagemaker.components.specification import ALL, UpdatePolicy
from local.sagemaker.components.update import RolledBackError, RollingUpdate
from local.sagemaker.hosting.instance import UnhealthyError
from local.sagemaker.hosting.plan import Size
from local.sagemaker.hosting.rolling import RollbackFailedError
from local.sagemaker.hosting.watch import AbortedError

OLD, NEW = (Release({"ModelName": word}, {}) for word in ("old", "new"))


class Copies:
    """Copies in memory; of a release no more than `able` come up."""

    def __init__(self, count: int) -> None:
        self.all: tuple[Copy, ...] = ()
        self.stopped = threading.Event()
        self.able: dict[str, int] = {}
        self.counts: list[int] = []
        self.on_trial: Release | None = None
        self.trials: list[Release | None] = []
        self.add(OLD, count)
        self.counts.clear()

    @property
    def count(self) -> int:
        return len(self.all)

    def add(self, release: Release, number: int, check: Any = None) -> None:
        left = self.able.get(release.model_name, 99)
        if number > left:
            raise UnhealthyError(f"{release.model_name} does not load")
        self.able[release.model_name] = left - max(number, 0)
        self.all += tuple(Copy(release, SimpleNamespace(alive=True)) for _ in range(number))  # type: ignore[arg-type]

    def remove(self, leaving: list[Copy]) -> None:
        self.all = tuple(copy for copy in self.all if not any(copy is gone for gone in leaving))
        self.counts.append(self.count)
        self.trials.append(self.on_trial)

    @property
    def words(self) -> list[str]:
        return sorted(copy.release.model_name for copy in self.all)


def update(
    copies: Copies, *, wanted: int | None = None, batch: Size = ALL, rollback: Size = ALL, looks: int = 999
) -> RollingUpdate:
    """Make an update whose alarm rings at the look after `looks`."""
    seen = iter(range(1000))

    def alarms() -> None:
        if next(seen) >= looks:
            raise AbortedError("alarm a is in ALARM")

    policy = UpdatePolicy(batch=batch, rollback=rollback)
    number = copies.count if wanted is None else wanted
    return RollingUpdate(copies, OLD, NEW, number, policy, alarms)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("batch", "counts"),
    [
        (ALL, [4]),
        (Size("COPY_COUNT", 1), [4, 4, 4, 4]),
        (Size("CAPACITY_PERCENT", 50), [4, 4]),
        (Size("CAPACITY_PERCENT", 40), [4, 4, 4, 4]),  # 1.6 copies are one
    ],
)
def test_batches_exchange_all_and_never_have_fewer(batch: Size, counts: list[int]) -> None:
    copies = Copies(4)
    update(copies, batch=batch).run()
    assert (copies.words, copies.counts) == (["new"] * 4, counts)


@pytest.mark.parametrize(("before", "wanted"), [(2, 5), (5, 2), (0, 2), (2, 0), (0, 0), (1, 1)])
def test_the_number_can_change_with_the_release(before: int, wanted: int) -> None:
    copies = Copies(before)
    update(copies, wanted=wanted, batch=Size("COPY_COUNT", 1)).run()
    assert copies.words == ["new"] * wanted
    assert all(count >= min(before, wanted) for count in copies.counts)


@pytest.mark.parametrize("rollback", [ALL, Size("COPY_COUNT", 1)])
def test_an_alarm_after_two_batches_brings_the_old_ones_back(rollback: Size) -> None:
    copies = Copies(4)
    with pytest.raises(RolledBackError, match="alarm a"):
        update(copies, batch=Size("COPY_COUNT", 1), rollback=rollback, looks=2).run()
    assert copies.words == ["old"] * 4
    assert min(copies.counts) >= 4


def test_an_alarm_that_rings_before_changes_nothing() -> None:
    copies = Copies(2)
    before = copies.all
    with pytest.raises(RolledBackError):
        update(copies, looks=0).run()
    assert copies.all is before


def test_a_later_batch_that_does_not_come_up_takes_the_first_back() -> None:
    copies = Copies(2)
    copies.able["new"] = 1
    with pytest.raises(RolledBackError, match="new does not load"):
        update(copies, batch=Size("COPY_COUNT", 1)).run()
    assert copies.words == ["old", "old"]


def test_a_roll_back_that_fails_leaves_what_serves() -> None:
    copies = Copies(2)
    copies.able["old"] = 0
    with pytest.raises(RollbackFailedError, match=r"alarm a is in ALARM .*old does not load"):
        update(copies, batch=Size("COPY_COUNT", 1), looks=1).run()
    assert copies.words == ["new", "old"]


def test_a_new_copy_that_ends_by_itself_ends_the_update() -> None:
    copies = Copies(2)
    rolling = update(copies, batch=Size("COPY_COUNT", 1))

    def kill(leaving: list[Copy]) -> None:
        Copies.remove(copies, leaving)
        new = [copy for copy in copies.all if copy.release is NEW]
        if new:
            new[0].instance.alive = False  # type: ignore[misc]

    copies.remove = kill  # type: ignore[method-assign]
    with pytest.raises(RolledBackError, match="ended by itself"):
        rolling.run()
    assert copies.words == ["old", "old"]


@pytest.mark.parametrize("looks", [999, 1])
def test_what_an_update_tries_is_on_trial_until_the_update_ends(looks: int) -> None:
    """Whoever starts dead copies again leaves those alone: their end has to be seen."""
    copies = Copies(2)
    with contextlib.suppress(RolledBackError):
        update(copies, looks=looks).run()
    assert copies.trials
    assert all(trial is NEW for trial in copies.trials)
    assert copies.on_trial is None
