"""The crew leaves as many pictures alone as it was asked to, whoever claims when."""

import threading
from concurrent.futures import ThreadPoolExecutor

from local.demo.share import Share
from local.demo.workbench import Task


class Queue:
    """Free tasks, which one claims after the other, some of them slowly."""

    def __init__(self, number: int) -> None:
        self.free = [task(n) for n in range(number)]
        self.slow = threading.Event()

    def claim(self, limit: int) -> list[Task]:
        self.slow.wait(0.002)
        taken, self.free = self.free[:limit], self.free[limit:]
        return taken


def task(number: int) -> Task:
    return Task(str(number), "label", "s3://b/k", "http://picture", 10, 10, ("scratch",), ())


def test_nothing_is_taken_before_the_round_is_seen() -> None:
    share, queue = Share(12), Queue(300)
    assert share.claim(10, queue.claim) == []
    assert len(queue.free) == 300


def test_so_many_claimers_leave_exactly_what_was_asked_for() -> None:
    share, queue = Share(12), Queue(100)
    assert share.opened(100) == 12
    assert not share.is_used_up
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: len(share.claim(10, queue.claim)), range(40)))
    assert sum(taken) == 88
    assert len(queue.free) == 12
    assert share.is_used_up


def test_what_the_user_takes_meanwhile_is_theirs_and_not_taken_from_the_rest() -> None:
    share, queue = Share(4), Queue(10)
    share.opened(10)
    queue.claim(2)  # by the user
    while share.claim(3, queue.claim):
        pass
    assert len(queue.free) == 2


def test_a_round_smaller_than_what_was_asked_for_is_all_the_users() -> None:
    share, queue = Share(12), Queue(5)
    assert share.opened(5) == 5
    assert share.claim(10, queue.claim) == []


def test_what_is_handed_over_is_taken() -> None:
    share, queue = Share(12), Queue(5)
    share.opened(5)
    share.hand_over()
    assert not share.is_kept
    assert len(share.claim(10, queue.claim)) == 5


def test_where_nothing_is_asked_for_all_is_the_crews() -> None:
    assert len(Share(0).claim(10, Queue(20).claim)) == 10
