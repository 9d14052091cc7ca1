"""See whether an endpoint serves what was deployed to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.promotion.endpoints import EndpointFailed, describe, is_ready


@dataclass(frozen=True)
class Environment:
    """How long an endpoint may take."""

    timeout_minutes: int


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Check once; repeated by the state machine until it is not `waiting`.

    In: {"endpoint", "config", "started_at"}, as deploy_endpoint gave it.
    Out: {"status": "ready" | "waiting"}. Raises EndpointFailed, also when the time is over.
    """
    minutes = environment.read(Environment).timeout_minutes
    endpoint = describe(boto3.client("sagemaker"), event["endpoint"])
    if is_ready(endpoint, event["endpoint"], event["config"]):
        return {"status": "ready"}
    if datetime.now(UTC) - datetime.fromisoformat(event["started_at"]) > timedelta(minutes=minutes):
        raise EndpointFailed(f"{event['endpoint']} was not in service within {minutes} minutes")
    return {"status": "waiting"}
