"""Work on many items, in processes: one for each processor, batch after batch, in the order of the items."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from typing import TypeVar

from pipeline_defs.common.job import JobError

Item = TypeVar("Item")
Result = TypeVar("Result")

BATCH = 256
_AHEAD = 3  # batches a process; the listing does not run further ahead, so memory does not grow with it


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_batches(
    items: Iterable[Item], task: Callable[[list[Item]], Result], *, processes: int, size: int = BATCH
) -> Iterator[Result]:
    """Give each batch's result; one process, or one batch, is worked on here.

    `task` and items are pickled. Raises JobError where a process was killed, and what `task` raises.
    """
    iterator = iter(items)
    batches = iter(lambda: list(islice(iterator, size)), [])
    first = list(islice(batches, 2))
    batches = chain(first, batches)
    if processes == 1 or len(first) < 2:
        yield from map(task, batches)
        return
    # A forked process would inherit locks that another thread holds.
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=spawn, initializer=_end_with_parent)
    try:
        yield from _in_order(pool, batches, task, _AHEAD * processes)
    except BrokenProcessPool as error:
        raise JobError(
            "a process that works on pictures was killed, as when memory runs out: give the job more memory"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Watch the process that gives the work: if it is killed, nobody else ends this one."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _in_order(
    pool: ProcessPoolExecutor, batches: Iterable[list[Item]], task: Callable[[list[Item]], Result], ahead: int
) -> Iterator[Result]:
    waiting: deque[Future[Result]] = deque()
    for batch in batches:
        waiting.append(_submit(pool, task, batch))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _submit(
    pool: ProcessPoolExecutor, task: Callable[[list[Item]], Result], batch: list[Item]
) -> Future[Result]:
    """Hand a batch over; the processes that are started for it leave Ctrl-C to this one."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(task, batch)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
