"""Put an endpoint back to what it served before a promotion that failed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas.common import environment
from lambdas.promotion.endpoints import EndpointFailed, put_back
from lambdas.promotion.workload import workload


@dataclass(frozen=True)
class Environment:
    """The environments, and how long going back may take."""

    workloads: str
    timeout_minutes: int


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Take the next step back; repeated by the state machine until it is not `waiting`.

    In: {"environment", "execution", "before": as read_endpoint gave it, "since": ISO time of the failure}.
    Out: {"status": "ready" | "waiting"}. Raises EndpointFailed when the time is over.
    """
    configured = environment.read(Environment)
    minutes = configured.timeout_minutes
    target = workload(configured.workloads, event["environment"])
    sagemaker = target.enter(event["execution"]).client("sagemaker")
    before = event["before"]
    if put_back(sagemaker, before["endpoint"], before["config"], target.tags):
        return {"status": "ready"}
    if datetime.now(UTC) - datetime.fromisoformat(event["since"]) > timedelta(minutes=minutes):
        aim = before["config"] or "no endpoint"
        raise EndpointFailed(f"{before['endpoint']} did not go back to {aim} within {minutes} minutes")
    return {"status": "waiting"}
