"""Everything of Application Auto Scaling that one account of a local cloud serves, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.autoscaling.alarm_reader import AlarmReader
from local.autoscaling.api import AutoScalingApi
from local.autoscaling.book import Book
from local.autoscaling.policies import Policies
from local.autoscaling.scaler import Scaler
from local.autoscaling.targets import Targets
from local.autoscaling.tracking_alarms import TrackingAlarms
from local.cloud.plugin import Plugin
from local.cloud.service import LocalService

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud


@dataclass(frozen=True, kw_only=True)
class AutoScalingPlugin(Plugin):
    """What the local cloud serves, and the targets that SageMaker looks into."""

    scaling: Targets


def make_plugin(cloud: LocalCloud) -> AutoScalingPlugin:
    """Put the parts together for one account."""
    book, alarms = Book(), TrackingAlarms(cloud)
    reader = AlarmReader(cloud, book)
    scaler = Scaler(cloud, book, reader.ringing)
    targets = Targets(cloud, book, scaler, alarms)
    api = AutoScalingApi(book, targets, Policies(cloud, book, alarms, reader))
    return AutoScalingPlugin(
        services={"application-autoscaling": [LocalService("application-autoscaling", api)]},
        close=scaler.close,
        scaling=targets,
    )
