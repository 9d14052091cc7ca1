"""Everything of CloudWatch that one account of a local cloud serves, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.cloud import ministack_monitoring
from local.cloud.parts import Parts
from local.cloud.plugin import Plugin
from local.monitoring.actions import Actions
from local.monitoring.alarms import Alarms
from local.monitoring.alarms_api import AlarmsApi
from local.monitoring.cloudformation import AlarmType
from local.monitoring.metric_filters import MetricFilters
from local.monitoring.metrics import Metric, Metrics
from local.monitoring.metrics_api import MetricsApi
from local.monitoring.monitoring import Monitoring
from local.monitoring.service import CloudWatchService
from local.monitoring.statistics import Point

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.cloud.server import LocalCloud


@dataclass(frozen=True, kw_only=True)
class MonitoringPlugin(Plugin):
    """What the local cloud serves for CloudWatch, and what its other parts ask of it."""

    monitoring: Monitoring


def make_plugin(cloud: LocalCloud) -> MonitoringPlugin:
    """Put the parts together for one account."""
    ministack_monitoring.check()
    metrics, actions = Metrics(), Actions(cloud)
    arns = f"arn:aws:cloudwatch:{cloud.region}:{cloud.account}:alarm:"
    alarms = Alarms(
        metrics, arns, lambda change: actions.act(change, alarms.note), lambda: list(actions.runners)
    )
    monitoring = Monitoring(cloud.account, metrics, alarms, actions)
    _listen(cloud.account, metrics)

    def close() -> None:
        alarms.close()
        actions.close()

    api = Parts(AlarmsApi(alarms), MetricsApi(metrics))
    return MonitoringPlugin(
        services={"monitoring": [CloudWatchService(api)]},
        resource_types={"AWS::CloudWatch::Alarm": AlarmType(cloud)},
        close=close,
        monitoring=monitoring,
    )


def _listen(account: str, metrics: Metrics) -> None:
    """Count by metric filters, and take the metrics of the services that ministack serves."""
    filters = MetricFilters(metrics)
    ministack_monitoring.on_metric_filter(account, filters.check)
    ministack_monitoring.on_log_events(account, filters.count)

    def take(namespace: str, name: str, value: float, unit: str, dimensions: Mapping[str, str]) -> None:
        metrics.put(Metric.of(namespace, name, dimensions), [Point.of(metrics.clock(), value, 1.0, unit)])

    ministack_monitoring.on_service_metric(account, take)
