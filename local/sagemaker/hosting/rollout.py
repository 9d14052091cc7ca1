"""Puts together what a deployment to an endpoint takes, and runs it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.cloud.processes import Processes
from local.sagemaker.hosting.deployment import BlueGreen
from local.sagemaker.hosting.fleet import Fleet
from local.sagemaker.hosting.live import Live
from local.sagemaker.hosting.models import Models
from local.sagemaker.hosting.plan import Plan
from local.sagemaker.hosting.rolling import Rolling
from local.sagemaker.hosting.watch import Alarms, Watch
from local.sagemaker.model import CREDENTIALS_SECONDS, SERVICE

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud


class Rollouts:
    """Makes fleets and leads endpoints to them."""

    def __init__(self, cloud: LocalCloud, processes: Processes, models: Models) -> None:
        self._cloud, self._processes, self._models = cloud, processes, models
        self._lock = threading.Lock()
        self._number = 0

    def fleet(self, endpoint: str, config: Mapping[str, Any]) -> Fleet:
        """Make a fleet for a configuration; nothing is fetched or started yet."""
        with self._lock:
            self._number += 1
            number = self._number
        folder = Path(self._cloud.state_dir) / "sagemaker/endpoint" / endpoint / f"deployment-{number}"
        return Fleet(self._cloud, self._processes, endpoint, config, folder)

    def run(self, live: Live, fleet: Fleet, plan: Plan, changed: Callable[[], None]) -> None:
        """Lead the endpoint's traffic to the fleet; raises as `BlueGreen.run` and `Rolling.run` do."""
        alarms = self._alarms(fleet.config, plan).check if plan.alarms else None
        watch = Watch(live.stopped, plan.timeout, alarms, fleet.dead)
        fleet.prepare(self._models.get)
        kind = Rolling if plan.kind == "ROLLING" else BlueGreen
        kind(live.traffic, live.serving, fleet, plan, watch, changed).run()

    def _alarms(self, config: Mapping[str, Any], plan: Plan) -> Alarms:
        first = config["ProductionVariants"][0]
        given = "ModelName" in first
        role = (
            self._models.get(first["ModelName"])["ExecutionRoleArn"] if given else config["ExecutionRoleArn"]
        )
        credentials = self._cloud.service_credentials(
            role, SERVICE, "auto-rollback", lifetime_seconds=CREDENTIALS_SECONDS
        )
        return Alarms(self._cloud.session(credentials).client("cloudwatch"), plan.alarms)
