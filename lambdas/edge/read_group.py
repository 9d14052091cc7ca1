"""Note what a thing group runs before it is changed."""

from collections.abc import Mapping
from typing import Any

import boto3

from lambdas.edge.groups import current_components, things_in


class NoStagingDevices(Exception):  # noqa: N818 - the name that the state machine reports
    """The staging group is empty: nothing can be tried before production."""


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Read the group's devices and its latest deployment.

    In: {"group_arn", "required": bool}.
    Out: {"things": number, "previous": {"deployment_id", "components"} | null}.
    Raises NoStagingDevices if a required group is empty.
    """
    things = things_in(boto3.client("iot"), event["group_arn"])
    if event["required"] and not things:
        raise NoStagingDevices(f"{event['group_arn']} has no thing; add a device to it and promote again")
    previous = current_components(boto3.client("greengrassv2"), event["group_arn"])
    return {"things": len(things), "previous": previous}
