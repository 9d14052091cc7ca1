"""What GreengrassV2 knows: components, deployments and core devices, and how the one changes the other."""

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.cloud.errors import AwsError
from local.greengrass.recipe import Recipe
from local.greengrass.versions import Version

Document = dict[str, Any]

SUCCESS = ("SUCCEEDED", "COMPLETED")
FINAL = (*SUCCESS, "FAILED", "TIMED_OUT", "CANCELED", "REJECTED")
DISCONNECTED_AFTER_SECONDS = 30.0


@dataclass
class Component:
    """One version of a component, as it was created."""

    arn: str
    recipe: Recipe
    created: float
    tags: dict[str, str]


@dataclass
class Execution:
    """One deployment on one core device: the API's effective deployment."""

    deployment_id: str
    status: str
    created: float
    modified: float
    started: float | None = None
    reason: str = ""
    error_stack: list[str] = field(default_factory=list)
    error_types: list[str] = field(default_factory=list)


@dataclass
class Deployment:
    """One revision of the deployment to a target."""

    id: str
    target_arn: str
    name: str
    revision: int
    created: float
    components: Document
    policies: Document
    job_configuration: Document
    tags: dict[str, str]
    job_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    canceled: bool = False
    superseded: bool = False

    @property
    def to_thing(self) -> bool:
        """Whether the target is one thing, not a group."""
        return is_thing(self.target_arn)


@dataclass
class CoreDevice:
    """A device whose nucleus has connected at least once."""

    thing: str
    platform: str
    architecture: str
    nucleus_version: str
    status: str = "HEALTHY"
    seen: float = field(default_factory=time.time)
    installed: list[Document] = field(default_factory=list)
    executions: dict[str, Execution] = field(default_factory=dict)
    targets: list[str] = field(default_factory=list)


Announce = Callable[[CoreDevice, Execution], None]


class Fleet:
    """All of it behind one lock; `announce` is told of each execution that ends."""

    def __init__(self, announce: Announce) -> None:
        self._announce = announce
        self.lock = threading.RLock()
        self.components: dict[tuple[str, Version], Component] = {}
        self.deployments: dict[str, Deployment] = {}
        self.devices: dict[str, CoreDevice] = {}

    def recipes(self) -> dict[str, dict[Version, Recipe]]:
        """Return every recipe by name and version."""
        with self.lock:
            found: dict[str, dict[Version, Recipe]] = {}
            for (name, version), component in self.components.items():
                found.setdefault(name, {})[version] = component.recipe
            return found

    def add_deployment(self, deployment: Deployment) -> None:
        """Make this the target's current revision; devices that know the target have it queued."""
        with self.lock:
            for other in self.deployments.values():
                if other.target_arn == deployment.target_arn and not other.superseded:
                    other.superseded = True
                    self._cancel_unfinished(other)
            self.deployments[deployment.id] = deployment
            for device in self.devices.values():
                if deployment.target_arn in device.targets:
                    self._queue(device, deployment)

    def current(self, target_arn: str) -> Deployment | None:
        """Return the target's current revision, unless it was canceled."""
        for deployment in self.deployments.values():
            if deployment.target_arn == target_arn and not (deployment.superseded or deployment.canceled):
                return deployment
        return None

    def next_revision(self, target_arn: str) -> int:
        """Return the number of the target's next revision."""
        return 1 + sum(d.target_arn == target_arn for d in self.deployments.values())

    def cancel(self, deployment: Deployment) -> None:
        """Keep the deployment from devices that have not begun it."""
        with self.lock:
            deployment.canceled = True
            self._cancel_unfinished(deployment)

    def connected(self, device: CoreDevice, targets: Sequence[str]) -> CoreDevice:
        """Take note of a device that is connected and of the targets that it belongs to."""
        with self.lock:
            known = self.devices.setdefault(device.thing, device)
            known.seen = time.time()
            known.targets = list(targets)
            for target in targets:
                deployment = self.current(target)
                if deployment and deployment.id not in known.executions:
                    self._queue(known, deployment)
            return known

    def next_deployment(self, device: CoreDevice) -> Deployment | None:
        """Return the deployment that the device is to carry out now, oldest first."""
        with self.lock:
            for execution in sorted(device.executions.values(), key=lambda e: e.created):
                deployment = self.deployments[execution.deployment_id]
                begun = execution.status == "IN_PROGRESS"
                if begun or (
                    execution.status == "QUEUED" and not (deployment.superseded or deployment.canceled)
                ):
                    return deployment
            return None

    def report(self, device: CoreDevice, deployment_id: str, status: str, details: Document) -> None:
        """Take note of how a deployment goes on a device. Raises AwsError for one that it was not given."""
        with self.lock:
            execution = device.executions.get(deployment_id)
            if execution is None:
                raise AwsError(
                    "ResourceNotFoundException", f"{device.thing} was not given {deployment_id}", 404
                )
            if execution.status in FINAL:
                return
            execution.status = status
            execution.modified = time.time()
            execution.started = execution.started or execution.modified
            execution.reason = str(details.get("reason", ""))
            execution.error_stack = list(details.get("errorStack", []))
            execution.error_types = list(details.get("errorTypes", []))
            self._ended(device, execution)
            self._abort_if_too_many_failed(self.deployments[deployment_id])

    def expire(self) -> None:
        """End executions that are in progress for longer than their job allows."""
        with self.lock:
            now = time.time()
            for device in self.devices.values():
                for execution in device.executions.values():
                    limit = _timeout_seconds(self.deployments[execution.deployment_id])
                    if (
                        execution.status == "IN_PROGRESS"
                        and limit
                        and now - (execution.started or now) > limit
                    ):
                        execution.status, execution.modified = "TIMED_OUT", now
                        execution.reason = f"in progress for longer than {limit / 60:g} minutes"
                        self._ended(device, execution)

    def _queue(self, device: CoreDevice, deployment: Deployment) -> None:
        now = time.time()
        device.executions[deployment.id] = Execution(deployment.id, "QUEUED", created=now, modified=now)

    def _cancel_unfinished(self, deployment: Deployment) -> None:
        for device in self.devices.values():
            execution = device.executions.get(deployment.id)
            if execution and execution.status == "QUEUED":
                execution.status, execution.modified = "CANCELED", time.time()
                self._ended(device, execution)

    def _ended(self, device: CoreDevice, execution: Execution) -> None:
        if execution.status in FINAL:
            self._announce(device, execution)

    def _abort_if_too_many_failed(self, deployment: Deployment) -> None:
        executions = [
            d.executions[deployment.id] for d in self.devices.values() if deployment.id in d.executions
        ]
        ended = [e for e in executions if e.status in FINAL]
        criteria = deployment.job_configuration.get("abortConfig", {}).get("criteriaList", [])
        for criterion in criteria:
            kinds = ("FAILED", "REJECTED", "TIMED_OUT")
            wanted = kinds if criterion["failureType"] == "ALL" else (criterion["failureType"],)
            failed = sum(e.status in wanted for e in ended)
            enough = len(ended) >= criterion["minNumberOfExecutedThings"]
            if enough and failed * 100 >= criterion["thresholdPercentage"] * len(ended):
                self.cancel(deployment)


def deployment_status(deployment: Deployment, devices: Sequence[CoreDevice]) -> str:
    """Return what GetDeployment reports. The one of a thing group never becomes FAILED: it stays ACTIVE."""
    if deployment.canceled:
        return "CANCELED"
    if deployment.superseded:
        return "INACTIVE"
    if deployment.to_thing:
        for device in devices:
            execution = device.executions.get(deployment.id)
            if execution and execution.status in FINAL:
                return "COMPLETED" if execution.status in SUCCESS else "FAILED"
    return "ACTIVE"


def is_thing(target_arn: str) -> bool:
    """Whether the ARN is a thing's, not a thing group's."""
    return target_arn.split(":", 5)[5].startswith("thing/")


def _timeout_seconds(deployment: Deployment) -> float | None:
    minutes = deployment.job_configuration.get("timeoutConfig", {}).get("inProgressTimeoutInMinutes")
    return minutes * 60.0 if minutes else None
