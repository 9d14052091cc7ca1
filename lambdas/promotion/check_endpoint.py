"""See whether an endpoint serves what was deployed to it, with quiet alarms for as long as it is watched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas.common import environment
from lambdas.promotion import alarms, autoscaling, kinds
from lambdas.promotion.alarms import Ringing
from lambdas.promotion.endpoints import MOST_BAKES, EndpointFailed, Progress, RolledBack, wait_seconds
from lambdas.promotion.settings import endpoint_settings
from lambdas.promotion.workload import workload

Step = Mapping[str, str]
_SERVES = "in service"


@dataclass(frozen=True)
class Environment:
    """The configured models, the environments, and how long an endpoint may take beside being watched."""

    models: str
    workloads: str
    timeout_minutes: int


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Check once; repeated by the state machine until it is not `waiting`.

    In: {"environment", "execution", "deployed": as deploy_endpoint gave it, "steps": seen so far}.
    Out: {"status": "ready" | "waiting", "steps": [{"at": ISO time, "what"}], "wait_seconds": until who is
    patient looks again}. Raises RolledBack, by the
    alarm's name, and EndpointFailed, also when the time is over.
    """
    configured = environment.read(Environment)
    deployed, now = event["deployed"], datetime.now(UTC)
    wait = wait_seconds(now - datetime.fromisoformat(deployed["started_at"]))
    target = workload(configured.workloads, event["environment"])
    there = target.enter(event["execution"])
    sagemaker, cloudwatch = there.client("sagemaker"), there.client("cloudwatch")
    progress = kinds.progress(sagemaker, deployed)
    rang = alarms.ringing(cloudwatch, deployed["alarms"])
    steps = seen(event["steps"], progress, rang, now)
    if progress.fell_back:
        raise why_fallen(progress.fell_back, steps, deployed["alarms"])
    if not progress.serving:
        _only_in_time(deployed, now, configured.timeout_minutes)
        return {"status": "waiting", "steps": steps, "wait_seconds": wait}
    if not watched_through(deployed, steps, rang, now):
        return {"status": "waiting", "steps": steps, "wait_seconds": wait}
    settings = endpoint_settings(
        configured.models, event["environment"], deployed.get("own_name") or deployed["endpoint"]
    )
    own = {"config": deployed["config"], "registered": [deployed["registered"]]}
    alarms.put(cloudwatch, settings, **own, topic=target.alarm_topic)
    autoscaling.ensure(there, settings)
    return {"status": "ready", "steps": steps, "wait_seconds": wait}


def seen(
    steps: Sequence[Step], progress: Progress, rang: Sequence[Ringing], now: datetime
) -> list[dict[str, str]]:
    """Add what is new since the last look: another step of the change, alarms that went on."""
    told = {step["what"].split(":")[0] for step in steps}
    added = [dict(step) for step in steps]
    for alarm in rang:
        if f"alarm {alarm.name}" not in told:
            added.append({"at": alarm.at, "what": f"alarm {alarm.name}: {alarm.reason}"})
    changes = [step["what"] for step in steps if not step["what"].startswith("alarm ")]
    if changes[-1:] != [progress.what]:
        added.append({"at": progress.at or now.isoformat(timespec="seconds"), "what": progress.what})
    return added


def why_fallen(went: str, steps: Sequence[Step], names: Sequence[str]) -> Exception:
    """Tell a roll back on an alarm from a release that never came up.

    SageMaker looks more often than we do: an alarm that it names may be off again by our next look.
    """
    rang = [step["what"] for step in steps if step["what"].startswith("alarm ")]
    for name in names:
        if name in went and not any(what.startswith(f"alarm {name}: ") for what in rang):
            rang.append(f"alarm {name}: it was off again before its reason was read")
    return RolledBack("; ".join([went, *rang])) if rang else EndpointFailed(went)


def watched_through(
    deployed: Mapping[str, Any], steps: Sequence[Step], rang: Sequence[Ringing], now: datetime
) -> bool:
    """Tell whether the time is over for which we watch what SageMaker does not; RolledBack on an alarm."""
    if deployed["guard"] != "watch" or not deployed["bake_seconds"]:
        return True
    since = next(datetime.fromisoformat(step["at"]) for step in steps if step["what"] == _SERVES)
    if rang:
        on = "; ".join(f"alarm {alarm.name}: {alarm.reason}" for alarm in rang)
        served = int((now - since).total_seconds())
        raise RolledBack(f"{deployed['endpoint']} is put back after {served} s of service: {on}")
    return now - since >= timedelta(seconds=deployed["bake_seconds"])


def _only_in_time(deployed: Mapping[str, Any], now: datetime, minutes: int) -> None:
    limit = timedelta(minutes=minutes, seconds=MOST_BAKES * deployed["bake_seconds"])
    if now - datetime.fromisoformat(deployed["started_at"]) > limit:
        took = int(limit.total_seconds() // 60)
        raise EndpointFailed(f"{deployed['endpoint']} was not in service within {took} minutes")
