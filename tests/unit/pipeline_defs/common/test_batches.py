"""Batches in processes: in order, not ahead of what is taken, and errors as they were raised."""

import os
from collections.abc import Iterator

import pytest
from batch_tasks import doubled, failing, killed, with_process

from pipeline_defs.common.batches import in_batches
from pipeline_defs.common.job import JobError


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_order(processes: int) -> None:
    results = list(in_batches(range(50), doubled, processes=processes, size=8))
    assert [number for batch in results for number in batch] == [2 * number for number in range(50)]
    assert [len(batch) for batch in results] == [8, 8, 8, 8, 8, 8, 2]


def test_one_batch_needs_no_process() -> None:
    assert list(in_batches(range(8), with_process, processes=2, size=8)) == [(os.getpid(), 8)]
    several = dict(in_batches(range(9), with_process, processes=2, size=8))
    assert os.getpid() not in several


def test_the_items_are_not_taken_far_ahead() -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    results = in_batches(items(), doubled, processes=2, size=8)
    next(results)
    assert len(taken) <= 8 * 7
    results.close()


def test_no_items_are_no_results() -> None:
    assert list(in_batches([], doubled, processes=2)) == []


@pytest.mark.parametrize("processes", [1, 2])
def test_what_a_task_raises_is_raised_here(processes: int) -> None:
    with pytest.raises(JobError, match="seventeen"):
        list(in_batches(range(50), failing, processes=processes, size=8))


def test_a_killed_process_is_named() -> None:
    with pytest.raises(JobError, match="was killed, as when memory runs out"):
        list(in_batches(range(50), killed, processes=2, size=8))
