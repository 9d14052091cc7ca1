"""CloudWatch as the local cloud's other parts use it, without a request: see docs/architecture.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from local.monitoring.actions import Actions, Run
from local.monitoring.alarms import Alarms
from local.monitoring.metrics import Metric, Metrics
from local.monitoring.statistics import Point, check_statistic


@dataclass
class Monitoring:
    """The metrics and alarms of one account."""

    account: str
    metrics: Metrics
    alarms: Alarms
    actions: Actions

    def put(
        self, namespace: str, metric: str, value: float, dimensions: Mapping[str, str], *, unit: str = "None",
        count: float = 1.0, at: float | None = None,
    ) -> None:  # fmt: skip
        """Take a value that was seen `count` times, `at` seconds since 1970 or now."""
        moment = self.metrics.clock() if at is None else at
        point = Point.of(moment, value, count, unit)
        self.metrics.put(Metric.of(namespace, metric, dimensions), [point])

    def statistic(
        self, namespace: str, metric: str, dimensions: Mapping[str, str], statistic: str, seconds: float, *,
        ago: float = 0.0,
    ) -> float | None:  # fmt: skip
        """Return a statistic of the `seconds` that ended `ago` seconds ago; None without data points."""
        check_statistic(statistic)
        until = self.metrics.clock() - ago
        return self.metrics.statistic(
            Metric.of(namespace, metric, dimensions), statistic, until - seconds, until
        )

    def alarm_states(self, names: Iterable[str]) -> dict[str, str | None]:
        """Return the state of each alarm, None for one that is not there."""
        found = {name: self.alarms.find(name) for name in names}
        return {name: watch.verdict.state if watch else None for name, watch in found.items()}

    def on_action(self, prefix: str, run: Run) -> None:
        """Let `run` do the alarm actions whose ARN begins so: see Actions."""
        self.actions.runners[prefix] = run
