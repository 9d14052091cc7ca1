"""See whether the inspector that is to be rolled out is published."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment


class InspectorNotPublished(Exception):  # noqa: N818 - retried by the state machine under this name
    """Greengrass does not have this version of the inspector yet; the message says who publishes it."""


@dataclass(frozen=True)
class Environment:
    """The version that belongs to this deployment of the stack, and the pipeline that publishes it."""

    inspector_arn: str
    inspector_pipeline: str


def handler(_event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Look for the component version.

    Out: {"arn"}. Raises InspectorNotPublished.
    """
    settings = environment.read(Environment)
    greengrass = boto3.client("greengrassv2")
    try:
        state = greengrass.describe_component(arn=settings.inspector_arn)["status"]["componentState"]
    except greengrass.exceptions.ResourceNotFoundException:
        state = "not there"
    if state != "DEPLOYABLE":
        raise InspectorNotPublished(
            f"{settings.inspector_arn} is {state}; the pipeline {settings.inspector_pipeline} publishes it"
        )
    return {"arn": settings.inspector_arn}
