"""Find the model package that the devices of a group run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.edge.components import component_arn
from lambdas.edge.groups import current_components


@dataclass(frozen=True)
class Environment:
    """How model components are named."""

    component_prefix: str


def handler(event: Mapping[str, Any], _context: object) -> str | None:
    """Read the group's latest deployment and what its model component was made of.

    In: {"model", "group_arn"}.
    Out: the ARN of the model package | null where the group runs none.
    """
    greengrass = boto3.client("greengrassv2")
    current = current_components(greengrass, event["group_arn"]) or {"components": {}}
    name = f"{environment.read(Environment).component_prefix}{event['model']}"
    running = current["components"].get(name)
    if running is None:
        return None
    _, partition, _, region, account, _ = event["group_arn"].split(":", 5)
    arn = component_arn(
        partition=partition, region=region, account=account, name=name, version=running["componentVersion"]
    )
    return str(greengrass.describe_component(arn=arn)["tags"]["model-package"])
