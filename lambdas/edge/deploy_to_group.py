"""Deploy the inspector and one model component to a thing group."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.packages import describe_approved
from lambdas.edge.deployments import client_token, request, with_components


@dataclass(frozen=True)
class Environment:
    """The inspector that goes with the model, and how long a device may take."""

    inspector_component: str
    inspector_version: str
    in_progress_minutes: int


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Create the deployment, once for an execution; the package has to be approved still.

    In: {"group_arn", "previous": as read_group gave it, "component": as create_model_component gave it,
    "model_package_arn", "max_failed_percent", "execution"}.
    Out: {"deployment_id", "components": {name: version}, "started_at"}. Raises NoLongerApproved.
    """
    settings = environment.read(Environment)
    describe_approved(boto3.client("sagemaker"), event["model_package_arn"])
    component = event["component"]
    ours = {settings.inspector_component: settings.inspector_version, component["name"]: component["version"]}
    started = datetime.now(UTC).isoformat(timespec="seconds")
    created = boto3.client("greengrassv2").create_deployment(
        **request(
            group_arn=event["group_arn"],
            name=f"{component['name']} {component['version']}",
            components=with_components((event["previous"] or {}).get("components", {}), ours),
            token=client_token(event["execution"], event["group_arn"], "deploy"),
            in_progress_minutes=settings.in_progress_minutes,
            max_failed_percent=event["max_failed_percent"],
        )
    )
    return {"deployment_id": created["deploymentId"], "components": ours, "started_at": started}
