"""The alarms of an account, evaluated every second over the periods that end now.

CloudWatch waits for a period to be over and its data to have come, and so is a minute or two later.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.cloud.errors import AwsError
from local.monitoring.alarm import Alarm, alarm_of, check_actions
from local.monitoring.evaluation import IN_ALARM, INSUFFICIENT_DATA, Verdict, evaluate
from local.monitoring.metrics import Metrics

EVALUATE_EVERY_SECONDS = 1.0
REPEAT_EVERY_SECONDS = 60.0
_HISTORY_ITEMS = 1000
_log = logging.getLogger(__name__)


@dataclass
class Watch:
    """An alarm and the state that it is in."""

    alarm: Alarm
    arn: str
    configured: datetime
    verdict: Verdict
    updated: datetime
    transitioned: datetime
    repeated: float = 0.0  # when its actions were last told that the alarm still rings


@dataclass(frozen=True)
class Change:
    """An alarm has come from one state into another; or still rings, and its old state is the new one."""

    alarm: Alarm
    arn: str
    at: datetime
    old: Verdict
    old_at: datetime
    new: Verdict


@dataclass(frozen=True)
class HistoryItem:
    """What happened to an alarm; `kind` is "ConfigurationUpdate", "StateUpdate" or "Action"."""

    alarm: str
    at: datetime
    kind: str
    summary: str
    data: str = "{}"


class Alarms:
    """Keeps alarms and their states; tells `on_change` of every change of state."""

    def __init__(
        self, metrics: Metrics, arn_prefix: str, on_change: Callable[[Change], None],
        served_actions: Callable[[], Sequence[str]] = tuple,
    ) -> None:  # fmt: skip
        self._metrics, self._arn_prefix, self._on_change = metrics, arn_prefix, on_change
        self._served_actions = served_actions
        self._lock = threading.RLock()
        self._watches: dict[str, Watch] = {}
        self._history: deque[HistoryItem] = deque(maxlen=_HISTORY_ITEMS)
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, settings: Mapping[str, Any]) -> None:
        """Make an alarm, or give one that is there another rule: its state stays until it is evaluated."""
        alarm = alarm_of(settings)
        check_actions(settings, self._served_actions())
        now = self._now()
        unchecked = Verdict(INSUFFICIENT_DATA, "Unchecked: Initial alarm creation", "{}")
        with self._lock:
            old = self._watches.get(alarm.name)
            arn = self._arn_prefix + alarm.name
            state = (old.verdict, old.updated, old.transitioned) if old else (unchecked, now, now)
            self._watches[alarm.name] = Watch(alarm, arn, now, *state)
            done = "updated" if old else "created"
            self.note(alarm.name, "ConfigurationUpdate", f'Alarm "{alarm.name}" {done}')
            self._start()

    def delete(self, names: Sequence[str]) -> None:
        """Delete those of the alarms that are there; AwsError for the others, as CloudWatch does."""
        with self._lock:
            gone = [name for name in names if self._watches.pop(name, None) is None]
        if gone:
            raise AwsError("ResourceNotFound", f"{', '.join(gone)} not found", 404)

    def watches(self) -> list[Watch]:
        """Return all alarms, by name."""
        with self._lock:
            return [self._watches[name] for name in sorted(self._watches)]

    def find(self, name: str) -> Watch | None:
        """Return an alarm; None where there is none of that name."""
        return self._watches.get(name)

    def set_state(self, name: str, state: str, reason: str, data: str) -> None:
        """Put an alarm into a state, until it is evaluated again."""
        with self._lock:
            if name not in self._watches:
                raise AwsError("ResourceNotFound", f"{name} not found", 404)
            self._turn(self._watches[name], Verdict(state, reason, data))

    def evaluate(self) -> None:
        """Evaluate every alarm once."""
        at = self._metrics.clock()
        for watch in self.watches():
            verdict = evaluate(watch.alarm, self._metrics, at)
            with self._lock:
                # It may have been deleted or given another rule meanwhile.
                if verdict and self._watches.get(watch.alarm.name) is watch:
                    self._turn(watch, verdict)

    def note(self, name: str, kind: str, summary: str, data: str = "{}") -> None:
        """Add to an alarm's history."""
        self._history.append(HistoryItem(name, self._now(), kind, summary, data))

    def history(self) -> list[HistoryItem]:
        """Return what happened, the latest first."""
        return list(self._history)[::-1]

    def close(self) -> None:
        """Evaluate no more."""
        self._closed.set()
        if self._thread:
            self._thread.join(10)

    def _turn(self, watch: Watch, verdict: Verdict) -> None:
        old, old_at, now = watch.verdict, watch.updated, self._now()
        if old.state == verdict.state:
            self._repeat(watch, verdict)
            return
        watch.verdict, watch.updated, watch.transitioned = verdict, now, now
        watch.repeated = now.timestamp()
        name = watch.alarm.name
        self.note(name, "StateUpdate", f"Alarm updated from {old.state} to {verdict.state}", verdict.data)
        self._on_change(Change(watch.alarm, watch.arn, now, old, old_at, verdict))

    def _repeat(self, watch: Watch, verdict: Verdict) -> None:
        """Tell once a minute of an alarm that still rings: scaling goes on until it does not."""
        now = self._now()
        if verdict.state == IN_ALARM and now.timestamp() - watch.repeated >= REPEAT_EVERY_SECONDS:
            watch.repeated = now.timestamp()
            self._on_change(Change(watch.alarm, watch.arn, now, verdict, watch.updated, verdict))

    def _start(self) -> None:
        if self._thread is None and not self._closed.is_set():
            self._thread = threading.Thread(target=self._evaluate_until_closed, name="alarms", daemon=True)
            self._thread.start()

    def _evaluate_until_closed(self) -> None:
        while not self._closed.wait(EVALUATE_EVERY_SECONDS):
            try:
                self.evaluate()
            except Exception:  # the other alarms must not stop for it
                _log.exception("alarms were not evaluated")

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._metrics.clock(), UTC)
