"""Amazon SageMaker on this machine, served beside the local cloud's other services."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.cloud.plugin import Plugin
    from local.cloud.server import LocalCloud


def plug(cloud: LocalCloud) -> Plugin:
    """Give what the local cloud serves for SageMaker: its APIs, its resource types, its waiters."""
    # Imported late: the serving processes import this package too and must start fast.
    from local.sagemaker.plugin import make_plugin

    return make_plugin(cloud)
