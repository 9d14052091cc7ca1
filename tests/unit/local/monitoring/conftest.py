from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from local.monitoring.alarms import Alarms, Change
from local.monitoring.metrics import Metric, Metrics
from local.monitoring.statistics import Point

START = 1_800_000_000.0


def alarm(name: str = "a", **settings: Any) -> dict[str, Any]:
    """PutMetricAlarm's parameters: the average of N/m over a minute, above 10."""
    one = {} if "Metrics" in settings else {"Namespace": "N", "MetricName": "m", "Period": 60}
    statistic = {} if {"Metrics", "ExtendedStatistic"} & settings.keys() else {"Statistic": "Average"}
    rule = {"EvaluationPeriods": 1, "Threshold": 10.0, "ComparisonOperator": "GreaterThanThreshold"}
    return {"AlarmName": name, **one, **statistic, **rule, **settings}


def stat(name: str, metric: str, statistic: str = "Average") -> dict[str, Any]:
    """A MetricDataQuery of N/metric."""
    found = {"Metric": {"Namespace": "N", "MetricName": metric}, "Period": 60, "Stat": statistic}
    return {"Id": name, "MetricStat": found, "ReturnData": False}


@dataclass
class Station:
    """Alarms over metrics whose time stands still until it is moved."""

    now: float = START
    changes: list[Change] = field(default_factory=list)

    settings = staticmethod(alarm)
    stat = staticmethod(stat)

    def __post_init__(self) -> None:
        self.metrics = Metrics(lambda: self.now)
        self.alarms = Alarms(self.metrics, "arn:aws:cloudwatch:eu-west-1:1:alarm:", self.changes.append)

    def put(self, name: str, *values: float, ago: float = 1.0, **dimensions: str) -> None:
        points = [Point.of(self.now - ago, value) for value in values]
        self.metrics.put(Metric.of("N", name, dimensions), points)

    def alarm(self, name: str = "a", **settings: Any) -> None:
        self.alarms.put(alarm(name, **settings))

    def state(self, name: str = "a") -> str:
        """The state after an evaluation now."""
        self.alarms.evaluate()
        found = self.alarms.find(name)
        assert found is not None
        return found.verdict.state


@pytest.fixture
def station(monkeypatch: pytest.MonkeyPatch) -> Iterator[Station]:
    made = Station()
    # The tests evaluate when they want to.
    monkeypatch.setattr(made.alarms, "_start", lambda: None)
    yield made
    made.alarms.close()
