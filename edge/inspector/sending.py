"""Brings what waits on the disk to S3, in the background, for as long as it takes."""

import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from edge.inspector.health import Health
from edge.inspector.object_store import NotStored
from edge.inspector.outbox import Outbox, OutboxFull, Parcel
from edge.inspector.results import ResultLog
from edge.inspector.settings import Settings

_LONGEST_PAUSE_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 0.5
_FIRST_PACE_SECONDS = 1.0


class Puts(Protocol):
    """What the sender needs of an ObjectStore."""

    def put(  # noqa: D102
        self,
        bucket: str,
        key: str,
        body: bytes,
        *,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
    ) -> None: ...


def pause_seconds(failures: int, jitter: float) -> float:
    """Return the pause after so many failures in a row, none included; `jitter` is 0 to 1."""
    if not failures:
        return _LOOK_AGAIN_SECONDS
    longest: float = min(_LONGEST_PAUSE_SECONDS, _LOOK_AGAIN_SECONDS * 2 ** min(failures, 10))
    return longest * (0.5 + 0.5 * jitter)


class Sender:
    """Stores returned pictures, results and, at intervals, the health."""

    def __init__(
        self,
        *,
        thing: str,
        objects: Puts,
        outbox: Outbox,
        results: ResultLog,
        health: Health,
        settings: Callable[[], Settings],
        log: Callable[[str], None],
    ) -> None:
        self._thing = thing
        self._objects = objects
        self._outbox = outbox
        self._results = results
        self._health = health
        self._settings = settings
        self._log = log
        self._failures = 0
        self._reported_version: str | None = None
        self._pace_seconds = _FIRST_PACE_SECONDS
        self._report_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Send until told to stop; then once more, so that a stopped device has told all it can."""
        while not stop.is_set():
            if self._report_is_due(time.monotonic()):
                self._attempt(self.report_health)
            self._attempt(self.send_waiting)
            stop.wait(pause_seconds(self._failures, random.random()))  # noqa: S311 - spreads a fleet out
        self._failures = 0
        if self._attempt(self.send_waiting):
            self._attempt(self.report_health)

    def _report_is_due(self, now: float) -> bool:
        """A new model is reported at once, then more and more seldom, down to the configured interval."""
        if self._health.model_version != self._reported_version:
            self._reported_version = self._health.model_version
            self._pace_seconds = _FIRST_PACE_SECONDS
        elif now < self._report_at:
            return False
        self._report_at = now + min(self._pace_seconds, self._settings().health_interval_seconds)
        self._pace_seconds *= 2
        return True

    def _attempt(self, action: Callable[[], None]) -> bool:
        try:
            action()
        except (NotStored, OSError, ValueError) as error:
            self._failures += 1
            self._health.count("errors", error=str(error))
            self._log(f"kept for later, attempt {self._failures}: {error}")
            return False
        self._failures = 0
        return True

    def send_waiting(self) -> None:
        """Store what waits, oldest first; one that S3 refuses holds no other up. Raises NotStored."""
        refused: NotStored | None = None
        for name in self._outbox.waiting():
            parcel, body = self._outbox.read(name)
            kind, metadata = parcel.content_type, parcel.metadata
            try:
                self._objects.put(parcel.bucket, parcel.key, body, content_type=kind, metadata=metadata)
            except NotStored as error:
                if not error.only_this:
                    raise
                refused = refused or error
                continue
            self._outbox.remove(name)
            if parcel.is_picture:
                self._health.count("images_returned")
        if refused:
            raise refused

    def report_health(self) -> None:
        """Store the closed results and the health. Raises NotStored, or OSError if the disk is full."""
        settings = self._settings()
        self._health.save()
        self._results.close_segment()
        for segment in self._results.closed():
            parcel = Parcel(
                bucket=settings.artifacts_bucket,
                key=f"edge/{self._thing}/results/{datetime.now(UTC):%Y-%m-%d}/{segment.name}",
                content_type="application/jsonl",
                metadata={},
            )
            try:
                self._outbox.add(parcel, segment.read_bytes())
            except OutboxFull:
                break
            segment.unlink()
        if self._health.model_version is not None:
            self._objects.put(
                settings.artifacts_bucket,
                f"edge/{self._thing}/health/{self._health.model_version}.json",
                json.dumps(self._health.report(), indent=1).encode(),
                content_type="application/json",
            )
