"""A thing group and what each of its core devices makes of a deployment."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

ABSENT = "ABSENT"
SUCCEEDED = ("SUCCEEDED", "COMPLETED")
PENDING = ("QUEUED", ABSENT)
RUNNING = ("IN_PROGRESS",)


class DevicesFailed(Exception):  # noqa: N818 - the name that the state machine reports
    """Devices did not take the deployment; the message counts them and names some."""


@dataclass(frozen=True)
class Counts:
    """How many devices of a group stand where; `offline` ones have not answered yet."""

    total: int
    succeeded: int
    failed: int
    running: int
    offline: int

    def as_dict(self) -> dict[str, int]:
        """Give the counts as they travel in the state."""
        return asdict(self)


def things_in(iot: Any, group_arn: str) -> list[str]:
    """List the things of a group, sorted."""
    name = group_arn.rsplit("/", 1)[-1]
    pages = iot.get_paginator("list_things_in_thing_group").paginate(thingGroupName=name)
    return sorted(thing for page in pages for thing in page["things"])


def deployment_statuses(greengrass: Any, things: Iterable[str], deployment_id: str) -> dict[str, str]:
    """Ask each core device how far it is with a deployment: thing -> status, ABSENT if it has none yet."""
    return {thing: _status(greengrass, thing, deployment_id) for thing in things}


def count(statuses: Mapping[str, str]) -> Counts:
    """Count the devices by where they stand."""
    kinds = Counter(_kind(status) for status in statuses.values())
    return Counts(len(statuses), kinds["succeeded"], kinds["failed"], kinds["running"], kinds["offline"])


def succeeded(statuses: Mapping[str, str]) -> list[str]:
    """Name the devices that run the deployment."""
    return [thing for thing, status in statuses.items() if status in SUCCEEDED]


def is_done(statuses: Mapping[str, str], *, expired: bool, max_failed_percent: int, required: bool) -> bool:
    """Decide whether a deployment to a group is over; DevicesFailed where it must not go on.

    More than `max_failed_percent` of the group failing ends it at once. When the time is over (`expired`), a
    device in the middle of it counts as failed, one that never answered as offline: it gets the deployment
    when it comes back. A `required` group needs at least one device that succeeded.
    """
    counts = count(statuses)
    failed = counts.failed + (counts.running if expired else 0)
    if counts.total and failed * 100 > max_failed_percent * counts.total:
        raise DevicesFailed(f"{failed} of {counts.total} devices failed: {_some(statuses)}")
    if not expired and counts.running + counts.offline:
        return False
    if required and not counts.succeeded:
        raise DevicesFailed(f"no device of {counts.total} took the deployment in time: {_some(statuses)}")
    return True


def current_components(greengrass: Any, group_arn: str) -> dict[str, Any] | None:
    """Read the group's latest deployment: {"deployment_id", "components"}; None if it never had one."""
    found = greengrass.list_deployments(targetArn=group_arn, historyFilter="LATEST_ONLY")["deployments"]
    if not found:
        return None
    deployment = greengrass.get_deployment(deploymentId=found[0]["deploymentId"])
    return {"deployment_id": deployment["deploymentId"], "components": deployment.get("components") or {}}


def _status(greengrass: Any, thing: str, deployment_id: str) -> str:
    try:
        for deployment in _effective(greengrass, thing):
            if deployment["deploymentId"] == deployment_id:
                return str(deployment["coreDeviceExecutionStatus"])
    except greengrass.exceptions.ResourceNotFoundException:
        return ABSENT
    return ABSENT


def _effective(greengrass: Any, thing: str) -> Iterator[Mapping[str, Any]]:
    pages = greengrass.get_paginator("list_effective_deployments").paginate(coreDeviceThingName=thing)
    for page in pages:
        yield from page["effectiveDeployments"]


def _kind(status: str) -> str:
    if status in SUCCEEDED:
        return "succeeded"
    if status in RUNNING:
        return "running"
    return "offline" if status in PENDING else "failed"


def _some(statuses: Mapping[str, str]) -> str:
    bad = [f"{thing} {status}" for thing, status in statuses.items() if status not in SUCCEEDED]
    return ", ".join(bad[:5]) + (" and more" if len(bad) > 5 else "")
