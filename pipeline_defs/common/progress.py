"""How far a long job is, in its log."""

import threading


class Progress:
    """A line for every tenth of the pictures; several threads advance it."""

    def __init__(self, total: int, what: str = "downloaded") -> None:
        self._total, self._what, self._done, self._lock = total, what, 0, threading.Lock()

    def advance(self) -> None:
        """Count one."""
        with self._lock:
            self._done += 1
            if self._done % max(1, self._total // 10) == 0 or self._done == self._total:
                print(f"{self._what} {self._done}/{self._total}", flush=True)
