"""Put an endpoint back to what it served before a promotion that failed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.promotion.endpoints import EndpointFailed, put_back


@dataclass(frozen=True)
class Environment:
    """How long going back may take."""

    timeout_minutes: int


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Take the next step back; repeated by the state machine until it is not `waiting`.

    In: {"endpoint", "config": name | null, as read_endpoint gave it, "since": ISO time of the failure}.
    Out: {"status": "ready" | "waiting"}. Raises EndpointFailed when the time is over.
    """
    minutes = environment.read(Environment).timeout_minutes
    if put_back(boto3.client("sagemaker"), event["endpoint"], event["config"]):
        return {"status": "ready"}
    if datetime.now(UTC) - datetime.fromisoformat(event["since"]) > timedelta(minutes=minutes):
        aim = event["config"] or "no endpoint"
        raise EndpointFailed(f"{event['endpoint']} did not go back to {aim} within {minutes} minutes")
    return {"status": "waiting"}
