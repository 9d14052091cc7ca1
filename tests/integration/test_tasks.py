"""Tasks given out and answered, by the workbench's function on the table of the stack."""

from collections.abc import Iterator

import pytest
from task_bench import BOX, TaskBench

from local.cloud.server import LocalCloud


@pytest.fixture(scope="module")
def whole_bench(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> TaskBench:
    return TaskBench(cloud, tmp_path_factory.mktemp("tasks"))


@pytest.fixture
def bench(whole_bench: TaskBench) -> Iterator[TaskBench]:
    """The bench without open rounds and without people who were at work."""
    yield whole_bench
    whole_bench.clear()


def test_a_task_is_claimed_answered_and_tells_the_state_machine(bench: TaskBench) -> None:
    opened = bench.open(bench.tasks(1))
    ann = bench.person("ann")
    [task] = ann.claim()
    assert ann.answer(task, {"boxes": [BOX], "seconds": 12.4}) == (200, {"accepted": True})
    assert bench.states.told == [opened.id]
    [kept] = bench.rounds.answers(opened.id)
    assert (kept.who, kept.seconds, kept.answer, kept.kind) == ("ann", 12, {"boxes": [BOX]}, "label")
