"""See whether an endpoint serves what was deployed to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas.common import environment
from lambdas.promotion.endpoints import EndpointFailed, describe, is_ready
from lambdas.promotion.workload import workload


@dataclass(frozen=True)
class Environment:
    """The environments, and how long an endpoint may take."""

    workloads: str
    timeout_minutes: int


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Check once; repeated by the state machine until it is not `waiting`.

    In: {"environment", "execution", "deployed": as deploy_endpoint gave it, "steps": seen so far}.
    Out: {"status": "ready" | "waiting", "steps"}. Raises EndpointFailed, also when the time is over.
    """
    configured = environment.read(Environment)
    minutes = configured.timeout_minutes
    there = workload(configured.workloads, event["environment"]).enter(event["execution"])
    deployed = event["deployed"]
    endpoint = describe(there.client("sagemaker"), deployed["endpoint"])
    if is_ready(endpoint, deployed["endpoint"], deployed["config"]):
        return {"status": "ready", "steps": event["steps"]}
    if datetime.now(UTC) - datetime.fromisoformat(deployed["started_at"]) > timedelta(minutes=minutes):
        raise EndpointFailed(f"{deployed['endpoint']} was not in service within {minutes} minutes")
    return {"status": "waiting", "steps": event["steps"]}
