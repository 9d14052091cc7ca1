"""What runs behind one endpoint now."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from local.sagemaker.hosting.fleet import Fleet
from local.sagemaker.hosting.traffic import Traffic
from local.sagemaker.table import now


@dataclass
class Pending:
    """A deployment that is under way: the fleet that it brings up."""

    fleet: Fleet
    since: datetime = field(default_factory=now)

    def describe(self) -> dict[str, Any]:
        """Give `PendingDeploymentSummary`."""
        variants = self.fleet.describe()
        name = self.fleet.name
        return {"EndpointConfigName": name, "ProductionVariants": variants, "StartTime": self.since}


@dataclass
class Live:
    """The fleet that serves, the one that may follow it, and where the requests go.

    `mixed` is what a failed roll back has left beside the fleet that serves.
    """

    name: str
    traffic: Traffic = field(default_factory=Traffic)
    serving: Fleet | None = None
    mixed: Fleet | None = None
    pending: Pending | None = None
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def status(self) -> str:
        """The endpoint's status once nothing is under way."""
        if self.serving is None:
            return "Failed"
        return "UpdateRollbackFailed" if self.mixed else "InService"

    def describe(self) -> dict[str, Any]:
        """Give what DescribeEndpoint says of the instances."""
        described: dict[str, Any] = {}
        if self.serving:
            described["ProductionVariants"] = self.serving.describe()
        if pending := self.pending:
            summary = pending.describe()
            described["PendingDeploymentSummary"] = summary if summary["ProductionVariants"] else None
        return described

    def revive(self) -> None:
        """Begin to start again what has died of those that serve."""
        for fleet in [self.serving, self.mixed]:
            if fleet:
                fleet.revive()

    def stop(self) -> None:
        """End every instance at once."""
        self.stopped.set()
        pending = self.pending
        for fleet in [self.serving, self.mixed, pending.fleet if pending else None]:
            if fleet:
                fleet.stop()
