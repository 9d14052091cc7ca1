"""The state that an alarm's data points give it, and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.monitoring.alarm import Alarm
from local.monitoring.metrics import Metrics

OK, IN_ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
_TREATED = {"breaching": "Breaching", "notBreaching": "NonBreaching"}


@dataclass(frozen=True)
class Verdict:
    """A state with its reason; `data` is the reason as CloudWatch's JSON document has it.

    `breach` is how far the latest period's value is above the threshold, None where it has none.
    """

    state: str
    reason: str
    data: str
    breach: float | None = None


def evaluate(alarm: Alarm, metrics: Metrics, at: float) -> Verdict | None:
    """Return what the periods that end at `at` say; None where the state is to be kept."""
    values = [
        alarm.value(metrics, at - (number + 1) * alarm.period, at - number * alarm.period)
        for number in range(alarm.periods)
    ]
    state = state_of(alarm, values)
    if state is None:
        return None
    breach = None if values[0] is None else values[0] - alarm.threshold
    return Verdict(state, _reason(alarm, values, state, at), _data(alarm, values, at), breach)


def state_of(alarm: Alarm, values: Sequence[float | None]) -> str | None:
    """Return the state that the periods' values give, the latest first; None where it is to be kept."""
    breaching = sum(value is not None and alarm.breaches(value) for value in values)
    missing = sum(value is None for value in values)
    if breaching >= alarm.to_alarm:
        return IN_ALARM
    if breaching + missing < alarm.to_alarm:
        return OK
    # What the missing periods count as decides.
    if alarm.missing == "ignore":
        return None
    if alarm.missing != "missing":
        return IN_ALARM if alarm.missing == "breaching" else OK
    if missing == len(values):
        return INSUFFICIENT_DATA
    return IN_ALARM if _only_breached_since(alarm, values) else OK


def _only_breached_since(alarm: Alarm, values: Sequence[float | None]) -> bool:
    """Tell whether a breach is old enough, and nothing that came later was in order."""
    oldest = max(
        (number for number, v in enumerate(values) if v is not None and alarm.breaches(v)), default=-1
    )
    later = values[: oldest + 1]
    return oldest + 1 >= alarm.to_alarm and all(value is None or alarm.breaches(value) for value in later)


def _reason(alarm: Alarm, values: Sequence[float | None], state: str, at: float) -> str:
    there = [(value, at - n * alarm.period) for n, value in enumerate(values) if value is not None]
    if not there:
        count = f"{len(values)} {'period' if len(values) == 1 else 'periods'}"
        if state == INSUFFICIENT_DATA:
            return f"Insufficient Data: no datapoints were received for {count}."
        treated = f"treated as [{_TREATED[alarm.missing]}]"
        return f"Threshold Crossed: no datapoints were received for {count} and {treated}."
    shown = ", ".join(f"{value} ({_moment(end):%d/%m/%y %H:%M:%S})" for value, end in there)
    were = "was" if len(there) == 1 else "were"
    not_ = "" if state == IN_ALARM else "not "
    limit = f"{were} {not_}{alarm.comparison} the threshold ({alarm.threshold})"
    return f"Threshold Crossed: {len(there)} out of the last {len(values)} datapoints [{shown}] {limit}."


def _data(alarm: Alarm, values: Sequence[float | None], at: float) -> str:
    start = at - alarm.period * alarm.periods
    document: dict[str, Any] = {
        "version": "1.0",
        "queryDate": _iso(at),
        "startDate": _iso(start),
        "period": alarm.period,
        "recentDatapoints": [value for value in reversed(values) if value is not None],
        "threshold": alarm.threshold,
    }
    if not alarm.expressions:
        document["statistic"] = alarm.watched[alarm.result].statistic
    return json.dumps(document)


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _iso(at: float) -> str:
    return _moment(at).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
