"""Put a thing group back to what it ran before a rollout that failed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.packages import PackageArn
from lambdas.edge.components import component_arn
from lambdas.edge.deployments import client_token, request
from lambdas.edge.groups import current_components


@dataclass(frozen=True)
class Environment:
    """The inspector that is deployed now, and how long a device may take."""

    inspector_component: str
    inspector_version: str
    in_progress_minutes: int


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Deploy the group's earlier components again, without ours: nucleus lite never goes back by itself.

    In: {"group_arn", "previous": as read_group gave it, "model_package_arn", "execution"}.
    Out: {"deployment_id": id | null}; null where this rollout had not deployed anything to the group.
    """
    settings = environment.read(Environment)
    greengrass = boto3.client("greengrassv2")
    current, previous = current_components(greengrass, event["group_arn"]), event["previous"]
    if current is None or (previous and current["deployment_id"] == previous["deployment_id"]):
        return {"deployment_id": None}
    components = dict(previous["components"]) if previous else {}
    inspector = components.get(settings.inspector_component)
    if inspector and not _is_there(greengrass, event["model_package_arn"], inspector["componentVersion"]):
        # The stack has been deployed since then with another inspector; the model is what goes back.
        components[settings.inspector_component] = {
            **inspector,
            "componentVersion": settings.inspector_version,
        }
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


def _is_there(greengrass: Any, package_arn: str, version: str) -> bool:
    parts = PackageArn.parse(package_arn)
    arn = component_arn(
        partition=parts.partition,
        region=parts.region,
        account=parts.account,
        name=environment.read(Environment).inspector_component,
        version=version,
    )
    try:
        greengrass.describe_component(arn=arn)
    except greengrass.exceptions.ResourceNotFoundException:
        return False
    return True
