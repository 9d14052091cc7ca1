"""How many label tasks the crew takes, and how many it leaves to the user."""

import threading
from collections.abc import Callable

from local.demo.workbench import Task


class Share:
    """The crew's share of a round's label tasks: all but `left_alone`; safe between threads.

    Nothing before the round is opened, everything once it is handed over. What counts is what the crew has
    taken, not what is open: so it does not matter when the user takes a task, gives it back or loses it.
    """

    def __init__(self, left_alone: int) -> None:
        self._left_alone = left_alone
        self._allowed = 0
        self._handed_over = left_alone == 0
        self._lock = threading.Lock()

    @property
    def is_kept(self) -> bool:
        """Whether anything is left alone still."""
        return not self._handed_over

    @property
    def is_used_up(self) -> bool:
        """Whether the crew has taken all that it may."""
        return self._allowed == 0

    def opened(self, total: int) -> int:
        """Let the crew begin on a round of `total` tasks; return how many of them it leaves alone."""
        with self._lock:
            self._allowed = max(0, total - self._left_alone)
            return total - self._allowed

    def hand_over(self) -> None:
        """Let the crew take whatever is open."""
        self._handed_over = True

    def claim(self, most: int, claim: Callable[[int], list[Task]]) -> list[Task]:
        """Claim by a function of a limit, `most` tasks and no more than the crew may have."""
        if self._handed_over:
            return claim(most)
        with self._lock:  # also while claiming: two who claim at once would take more than is allowed
            limit = min(most, self._allowed)
            tasks = claim(limit) if limit else []
            self._allowed -= len(tasks)
            return tasks
