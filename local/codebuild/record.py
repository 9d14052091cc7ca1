"""What BatchGetBuilds tells of one build, while it goes on."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Build = dict[str, Any]


class BuildRecord:
    """The build in the form of the API; safe between threads."""

    def __init__(self, build: Mapping[str, Any]) -> None:
        self._build: Build = {**build, "phases": [], "buildStatus": "IN_PROGRESS", "buildComplete": False}
        self._lock = threading.Lock()
        self.done = threading.Event()

    def begin(self, phase: str) -> None:
        """Enter a phase."""
        with self._lock:
            self._build["phases"].append({"phaseType": phase, "startTime": datetime.now(UTC)})
            self._build["currentPhase"] = phase

    def end(self, status: str, code: str = "", message: str = "") -> None:
        """End the phase that was entered last, if it goes on."""
        with self._lock:
            phase, now = self._build["phases"][-1], datetime.now(UTC)
            if "phaseStatus" in phase:
                return
            phase |= {
                "phaseStatus": status,
                "endTime": now,
                "durationInSeconds": int((now - phase["startTime"]).total_seconds()),
                "contexts": [{"statusCode": code, "message": message}],
            }

    def finish(self, status: str) -> None:
        """End the build."""
        with self._lock:
            now = datetime.now(UTC)
            self._build["phases"].append({"phaseType": "COMPLETED", "startTime": now})
            self._build |= {
                "currentPhase": "COMPLETED", "buildStatus": status, "buildComplete": True, "endTime": now,
            }  # fmt: skip
        self.done.set()

    def update(self, **changes: Any) -> None:
        """Tell more of the build."""
        with self._lock:
            self._build.update(changes)

    def snapshot(self) -> Build:
        """Return the build as it is now."""
        with self._lock:
            return copy.deepcopy(self._build)
