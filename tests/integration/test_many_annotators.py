"""Twenty people at one large round, each as fast as they can.

A round may have 10,000 tasks: ROUND_TASKS=10000 takes it that far, in six minutes on two cores.
"""

import itertools
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from task_bench import BOX, Person, TaskBench, bench_of

from lambdas.labeling.held_tasks import in_iso
from lambdas.labeling.rounds import Round
from local.cloud.server import LocalCloud

pytestmark = pytest.mark.acceptance

TASKS, PEOPLE = int(os.environ.get("ROUND_TASKS", "1500")), 20


@pytest.fixture
def bench(cloud: LocalCloud) -> Iterator[TaskBench]:
    with bench_of(cloud).cleared() as cleared:
        yield cleared


class Book:
    """Who was handed which task until when, and whose answer was taken."""

    def __init__(self) -> None:
        self.taken: dict[str, str] = {}
        self.doubled: list[str] = []
        self._held: dict[str, tuple[str, str]] = {}
        self._lock = threading.Lock()

    def handed_out(self, task: dict[str, Any], who: str, now: str) -> None:
        """A task is doubled if somebody else still holds it."""
        with self._lock:
            holder, until = self._held.get(task["task_id"], (who, ""))
            if holder != who and until > now:
                self.doubled.append(task["task_id"])
            self._held[task["task_id"]] = (who, task["leased_until"])

    def answered(self, task: dict[str, Any], who: str) -> None:
        with self._lock:
            if self.taken.setdefault(task["task_id"], who) != who:
                self.doubled.append(task["task_id"])


def work(person: Person, book: Book, limit: int) -> None:
    """Claim and answer until nothing is left. On a slow machine a lease may end meanwhile: 403, go on."""
    while tasks := person.claim(limit=limit):
        now = in_iso(int(time.time()))
        for task in tasks:
            book.handed_out(task, person.name, now)
        for task in tasks:
            body = {"boxes": [BOX], "seconds": 3}
            status, reply = patiently(lambda task=task, body=body: person.answer(task, body))
            assert status in (200, 403), reply
            if status == 200:
                book.answered(task, person.name)


def patiently(ask: Any) -> Any:
    """As the page: a 503 is asked again."""
    for _ in itertools.repeat(None, 20):
        reply = ask()
        if reply[0] != 503:
            break
    return reply


def test_a_large_round_goes_to_twenty_people_and_none_is_lost_doubled_or_answered_twice(
    bench: TaskBench,
) -> None:
    began = time.perf_counter()
    opened = bench.open(bench.tasks(TASKS))
    offered = time.perf_counter()
    people = [bench.person(f"annotator-{number:02}") for number in range(PEOPLE)]
    book, limits = Book(), itertools.cycle((50, 50, 25, 10))
    with ThreadPoolExecutor(PEOPLE) as pool:
        with bench.calls() as at_first:
            list(pool.map(lambda person: person.claim(limit=10), people))
        with bench.calls() as later:
            list(pool.map(lambda person: work(person, book, next(limits)), people))
    ended = time.perf_counter()
    assert (book.doubled, len(book.taken)) == ([], TASKS)
    assert_each_answered_once(bench, opened, book)
    print(
        f"offered in {offered - began:.0f} s, answered in {ended - offered:.0f} s; leases that met somebody"
        f" else's: {at_first.refused} of the first 200, {later.refused} of the others; {dict(later.made)}"
    )
    # Each begins at a place of their own: had all begun at the first task, 190 of the 200 would have met.
    assert at_first.refused < 60


def assert_each_answered_once(bench: TaskBench, opened: Round, book: Book) -> None:
    read = list(bench.rounds.tasks(opened.id))
    assert [task.number for task in read] == list(range(1, TASKS + 1))
    assert all(task.answer == {"boxes": [BOX]} for task in read)
    kept = list(bench.rounds.answers(opened.id))
    assert [answer.number for answer in kept] == list(range(1, TASKS + 1))
    assert {f"{opened.id}-{answer.number}": answer.who for answer in kept} == book.taken
    progress = bench.rounds.progress(opened.id)
    assert {who: by["answered"] for who, by in progress.by.items()} == Counter(book.taken.values())
    assert bench.states.told == [opened.id]
