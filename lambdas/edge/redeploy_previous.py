"""Put a thing group back to what it ran before a rollout that failed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.edge.deployments import client_token, request
from lambdas.edge.groups import current_components


@dataclass(frozen=True)
class Environment:
    """How long a device may take."""

    in_progress_minutes: int


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Deploy the group's earlier components again, without ours: nucleus lite never goes back by itself.

    In: {"group_arn", "previous": as read_group gave it, "execution"}.
    Out: {"deployment_id": id | null}; null where this rollout had not deployed anything to the group.
    """
    settings = environment.read(Environment)
    greengrass = boto3.client("greengrassv2")
    current, previous = current_components(greengrass, event["group_arn"]), event["previous"]
    if current is None or (previous and current["deployment_id"] == previous["deployment_id"]):
        return {"deployment_id": None}
    components = dict(previous["components"]) if previous else {}
    created = greengrass.create_deployment(
        **request(
            group_arn=event["group_arn"],
            name="version before",
            components=components,
            token=client_token(event["execution"], event["group_arn"], "redeploy"),
            in_progress_minutes=settings.in_progress_minutes,
            # Going back is never aborted half-way: every device that can go back does.
            max_failed_percent=100,
        )
    )
    return {"deployment_id": created["deploymentId"]}
