"""The metrics of an invocation, as SageMaker documents them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from local.monitoring.actions import Actions
from local.monitoring.alarms import Alarms
from local.monitoring.metrics import Metric, Metrics
from local.monitoring.monitoring import Monitoring
from local.sagemaker.hosting.invocation_metrics import InvocationMetrics

WHOLE = {"EndpointName": "e", "VariantName": "v"}


class Station:
    """Invocation metrics in a CloudWatch whose time stands still."""

    def __init__(self) -> None:
        self.metrics = Metrics(lambda: 100.0)
        alarms = Alarms(self.metrics, "", lambda change: None)
        plugin = SimpleNamespace(monitoring=Monitoring("1", self.metrics, alarms, cast(Actions, None)))
        other = SimpleNamespace(monitoring=SimpleNamespace(account="2"))
        cloud = SimpleNamespace(account="1", plugins=[SimpleNamespace(), other, plugin])
        self._counted = InvocationMetrics(cast(Any, cloud))

    def count(self, status: int, model_seconds: float = 0.01, **more: Any) -> None:
        settings = {"instances": 2, **more}
        self._counted.count(
            "e", "v", status=status, model_seconds=model_seconds, total_seconds=0.012, **settings
        )

    def sums(self, dimensions: dict[str, str]) -> dict[str, float]:
        wanted = Metric.of("", "", dimensions).dimensions
        return {
            metric.name: round(self.metrics.statistic(metric, "Sum", 0, 100) or 0.0, 6)
            for metric in self.metrics.known()
            if metric.dimensions == wanted
        }


def test_a_request_gives_each_metric_one_value() -> None:
    station = Station()
    station.count(200)
    assert station.sums(WHOLE) == {
        "Invocations": 1,
        "InvocationsPerInstance": 0.5,
        "Invocation4XXErrors": 0,
        "Invocation5XXErrors": 0,
        "InvocationModelErrors": 0,
        "ModelLatency": 10_000,
        "OverheadLatency": 2_000,
    }
    assert station.metrics.known()[0].namespace == "AWS/SageMaker"


@pytest.mark.parametrize(
    ("status", "seconds", "client", "server", "model"),
    [
        (415, 0.01, 1, 0, 1),
        (500, 0.01, 0, 1, 1),
        (0, 60.0, 0, 1, 1),
        (503, 0.0, 0, 1, 0),
        (429, 0.0, 1, 0, 0),
    ],
)
def test_errors_are_told_apart(status: int, seconds: float, client: int, server: int, model: int) -> None:
    station = Station()
    station.count(status, seconds)
    found = station.sums(WHOLE)
    names = ("Invocation4XXErrors", "Invocation5XXErrors", "InvocationModelErrors")
    assert [found[name] for name in names] == [client, server, model]
    assert ("ModelLatency" in found) == bool(seconds)


def test_the_average_of_errors_is_their_rate() -> None:
    station = Station()
    for status in (200, 200, 500, 200):
        station.count(status)
    metric = Metric.of("AWS/SageMaker", "Invocation5XXErrors", WHOLE)
    assert station.metrics.statistic(metric, "Average", 0, 100) == 0.25


def test_fleets_count_together_and_each_for_itself() -> None:
    station = Station()
    for config in ("old", "new", "new"):
        station.count(200, config=config)
    counts = [station.sums({**WHOLE, "EndpointConfigName": name})["Invocations"] for name in ("old", "new")]
    assert (station.sums(WHOLE)["Invocations"], *counts) == (3, 1, 2)


def test_a_component_counts_by_copies_under_its_own_name() -> None:
    station = Station()
    station.count(200, component="c", copies=4)
    found = station.sums({"InferenceComponentName": "c"})
    assert (found["Invocations"], found["InvocationsPerCopy"], found["ModelLatency"]) == (1, 0.25, 10_000)
    assert "InvocationsPerInstance" not in found


def test_a_serverless_variant_has_no_instances_to_share() -> None:
    station = Station()
    station.count(200, instances=None)
    assert "InvocationsPerInstance" not in station.sums(WHOLE)
