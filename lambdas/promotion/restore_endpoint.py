"""Put an endpoint back to what it served before a promotion that failed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.turns import require
from lambdas.promotion import alarms, autoscaling, kinds
from lambdas.promotion.endpoints import MOST_BAKES, EndpointFailed, wait_seconds
from lambdas.promotion.model_and_config import registered_of
from lambdas.promotion.settings import EndpointSettings, endpoint_settings, sharing
from lambdas.promotion.workload import workload


@dataclass(frozen=True)
class Environment:
    """The configured models, the environments, how long going back may take beside waiting, and the turns."""

    models: str
    workloads: str
    timeout_minutes: int
    turns_table: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str | int]:
    """Take the next step back; repeated by the state machine until it is not `waiting`.

    In: {"environment", "execution", "before": as read_endpoint gave it, "since": ISO time of the failure,
    "turn": {"line", "holder"}}.
    Out: {"status": "ready" | "waiting", "wait_seconds": until who is patient looks again}.
    Raises TurnLost, and EndpointFailed when the time is over.
    """
    configured = environment.read(Environment)
    before = event["before"]
    target = workload(configured.workloads, event["environment"])
    settings = endpoint_settings(
        configured.models, event["environment"], before.get("own_name") or before["endpoint"]
    )
    there = target.enter(event["execution"])
    require(boto3.resource("dynamodb").Table(configured.turns_table), **event["turn"])
    autoscaling.make_way(there, settings, before["config"])
    others = sharing(configured.models, event["environment"], settings)
    if kinds.put_back(there.client("sagemaker"), settings, before, target.tags, others):
        # Of an endpoint of another kind than is configured, nothing was changed.
        if before.get("kind") in (None, settings.kind):
            _guard_as_before(there, settings, before, target.alarm_topic)
        return {"status": "ready", "wait_seconds": 0}
    # An update that is watched cannot be stopped: the way back begins when it is through.
    limit = timedelta(minutes=configured.timeout_minutes, seconds=MOST_BAKES * settings.bake_seconds)
    waited = datetime.now(UTC) - datetime.fromisoformat(event["since"])
    if waited > limit:
        aim, took = before["config"] or "no endpoint", int(limit.total_seconds() // 60)
        raise EndpointFailed(f"{before['endpoint']} did not go back to {aim} within {took} minutes")
    return {"status": "waiting", "wait_seconds": wait_seconds(waited)}


def _guard_as_before(
    there: Any, settings: EndpointSettings, before: Mapping[str, Any], topic: str | None
) -> None:
    """Let the alarms compare with what the old release was registered with, and the scaling go on."""
    cloudwatch = there.client("cloudwatch")
    model = before.get("model_name")
    if model is None:
        alarms.remove(cloudwatch, settings)
        autoscaling.forget(there, settings)
        return
    registered = registered_of(there.client("sagemaker"), model)
    alarms.put(cloudwatch, settings, config=before["config"], registered=[registered], topic=topic)
    autoscaling.ensure(there, settings)
