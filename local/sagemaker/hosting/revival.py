"""Instances that died and are started again."""

from __future__ import annotations

import logging
import threading
import time
import weakref

from local.sagemaker.hosting.instance import Instance, UnhealthyError

_log = logging.getLogger(__name__)
_HEALTH_SECONDS = 60.0
_LONGEST_PAUSE_SECONDS = 30.0


class Revival:
    """Starts instances again, each on a thread of its own, with growing pauses where one dies again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: set[int] = set()
        self._failures: weakref.WeakKeyDictionary[Instance, tuple[int, float]] = weakref.WeakKeyDictionary()

    def look_after(self, instance: Instance, where: str) -> None:
        """Begin to start an instance again, if it has died and its pause is over; `where` is for the log."""
        if instance.alive:
            return
        with self._lock:
            _, not_before = self._failures.get(instance, (0, 0.0))
            if id(instance) in self._under_way or time.monotonic() < not_before:
                return
            self._under_way.add(id(instance))
        threading.Thread(target=self._start, args=(instance, where), name="revival", daemon=True).start()

    def _start(self, instance: Instance, where: str) -> None:
        try:
            instance.start(_HEALTH_SECONDS)
            _log.warning("%s: an instance had died and was started again", where)
        except (UnhealthyError, OSError, RuntimeError):
            with self._lock:
                failures = self._failures.get(instance, (0, 0.0))[0] + 1
                pause = min(2.0**failures, _LONGEST_PAUSE_SECONDS)
                self._failures[instance] = (failures, time.monotonic() + pause)
        else:
            with self._lock:
                self._failures.pop(instance, None)
        finally:
            with self._lock:
                self._under_way.discard(id(instance))
