"""Batches in processes: in order, not ahead of what is taken, and errors as they were raised."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import batch_tasks
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


# As on a terminal: who is started in the background of a script begins with Ctrl-C ignored.
_OTHERS_WORK = """
import signal
import sys
from batch_tasks import with_process
from pipeline_defs.common.batches import in_batches

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    results = in_batches(range(50), with_process, processes=2, size=1)
    print(next(results)[0], flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def job(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program whose processes wait for more work, in a group of its own as a terminal's."""
    script = tmp_path / "works.py"
    script.write_text(_OTHERS_WORK)
    paths = os.pathsep.join([str(Path(batch_tasks.__file__).parent), *sys.path])
    with subprocess.Popen(
        [sys.executable, str(script)], env={**os.environ, "PYTHONPATH": paths}, process_group=0,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as running:  # fmt: skip
        assert running.stdout is not None
        assert int(running.stdout.readline()) != running.pid
        yield running


def test_processes_end_with_the_one_that_was_killed(job: subprocess.Popen[bytes]) -> None:
    os.kill(job.pid, signal.SIGKILL)
    job.communicate(timeout=60)  # the output is open until the last of them has ended


def test_an_interruption_is_told_by_one_process(job: subprocess.Popen[bytes]) -> None:
    os.killpg(job.pid, signal.SIGINT)
    output, _ = job.communicate(timeout=60)
    assert output.count(b"KeyboardInterrupt") == 1
