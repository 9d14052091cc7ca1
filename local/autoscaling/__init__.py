"""Application Auto Scaling on this machine: endpoint variants and inference components really scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.autoscaling.targets import Targets
    from local.cloud.plugin import Plugin
    from local.cloud.server import LocalCloud


def plug(cloud: LocalCloud) -> Plugin:
    """Give what the local cloud serves for Application Auto Scaling."""
    # Imported late, as the other plugins are.
    from local.autoscaling.plugin import make_plugin

    return make_plugin(cloud)


def scaling_of(cloud: LocalCloud) -> Targets | None:
    """Return what is registered in the cloud's account; None in a cloud that was started without it."""
    found = (getattr(plugin, "scaling", None) for plugin in cloud.plugins)
    return next((targets for targets in found if targets), None)
