"""Amazon CloudWatch on this machine: metrics, alarms that are evaluated, log metric filters that count."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.cloud.plugin import Plugin
    from local.cloud.server import LocalCloud
    from local.monitoring.monitoring import Monitoring


def plug(cloud: LocalCloud) -> Plugin:
    """Give what the local cloud serves for CloudWatch."""
    # Imported late, as the other plugins are.
    from local.monitoring.plugin import make_plugin

    return make_plugin(cloud)


def monitoring_of(cloud: LocalCloud) -> Monitoring | None:
    """Return CloudWatch as it is in the cloud's account; None in a cloud that was started without it."""
    found = (getattr(plugin, "monitoring", None) for plugin in cloud.plugins)
    here = (monitoring for monitoring in found if monitoring and monitoring.account == cloud.account)
    return next(here, None)
