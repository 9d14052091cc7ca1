"""See how far the devices of a group are with a deployment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.edge.groups import count, deployment_statuses, is_done, things_in


@dataclass(frozen=True)
class Environment:
    """How long a group may take."""

    timeout_minutes: int


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Check once; repeated by the state machine until it is not `waiting`.

    In: {"group_arn", "deployment_id", "started_at", "required", "max_failed_percent"}.
    Out: {"status": "ready" | "waiting", "total", "succeeded", "failed", "running", "offline"}.
    Raises DevicesFailed.
    """
    limit = timedelta(minutes=environment.read(Environment).timeout_minutes)
    things = things_in(boto3.client("iot"), event["group_arn"])
    statuses = deployment_statuses(boto3.client("greengrassv2"), things, event["deployment_id"])
    done = is_done(
        statuses,
        expired=datetime.now(UTC) - datetime.fromisoformat(event["started_at"]) > limit,
        max_failed_percent=event["max_failed_percent"],
        required=event["required"],
    )
    return {"status": "ready" if done else "waiting", **count(statuses).as_dict()}
