"""CloudWatch's metrics of invocations, as SageMaker publishes them for endpoints and inference components.

All fleets of an endpoint count under its name, also while an update shifts traffic between them, and each
under its configuration's too.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from local.monitoring import monitoring_of
from local.monitoring.metrics import Metric
from local.monitoring.statistics import Point

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

_NAMESPACE = "AWS/SageMaker"
_UNITS = {"ModelLatency": "Microseconds", "OverheadLatency": "Microseconds"}


class InvocationMetrics:
    """Counts invocations in the CloudWatch of the cloud's account; in a cloud without it, nowhere."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud

    def count(
        self, endpoint: str, variant: str, *, status: int, model_seconds: float, total_seconds: float,
        instances: int | None, component: str | None = None, copies: int | None = None,
        config: str | None = None,
    ) -> None:  # fmt: skip
        """Count one request.

        `status` is what the container answered, 0 where it gave no answer, or SageMaker's own refusal; the
        latter has no `model_seconds`. `instances` is None for a serverless variant. `config` names the fleet
        that answered: an alarm on it does not ring for the faults of the fleet that it replaces.
        """
        monitoring = monitoring_of(self._cloud)
        if monitoring is None:
            return
        now = monitoring.metrics.clock()
        values = _values(status, model_seconds, total_seconds)
        whole = {"EndpointName": endpoint, "VariantName": variant}
        sets = [(whole, "InvocationsPerInstance", instances)]
        if config:
            sets.append(({**whole, "EndpointConfigName": config}, "InvocationsPerInstance", instances))
        if component:
            sets.append(({"InferenceComponentName": component}, "InvocationsPerCopy", copies))
        for dimensions, share, among in sets:
            shares = {share: 1 / among} if among else {}
            for name, value in {**values, **shares}.items():
                unit = _UNITS.get(name, "None")
                metric = _metric(name, *dimensions.items())
                monitoring.metrics.put(metric, [Point.of(now, value, 1.0, unit)])


def _values(status: int, model_seconds: float, total_seconds: float) -> Mapping[str, float]:
    """Return the values of one request; its errors are 0 or 1, so that their average is a rate."""
    no_answer = status == 0
    values = {
        "Invocations": 1.0,
        "Invocation4XXErrors": float(400 <= status < 500),
        "Invocation5XXErrors": float(status >= 500 or no_answer),
        "InvocationModelErrors": float(bool(model_seconds) and not 200 <= status < 300),
        "OverheadLatency": max(total_seconds - model_seconds, 0.0) * 1e6,
    }
    return {**values, "ModelLatency": model_seconds * 1e6} if model_seconds else values


@lru_cache(maxsize=1024)
def _metric(name: str, *dimensions: tuple[str, str]) -> Metric:
    return Metric.of(_NAMESPACE, name, dict(dimensions))
