"""Read what the devices say of themselves after a deployment."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.edge.groups import deployment_statuses, succeeded, things_in


class DevicesUnhealthy(Exception):  # noqa: N818 - the name that the state machine reports
    """Devices took the deployment and do not inspect with this model; the message names some."""


@dataclass(frozen=True)
class Environment:
    """Where health reports come in, and how long the devices have."""

    artifacts_bucket: str
    timeout_minutes: int


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Judge every device that took the deployment; repeated by the state machine until it is not `waiting`.

    In: {"group_arn", "deployment_id", "started_at": ISO time of the deployment, "since": ISO time from which
    the devices have their time, "components": {name: version} that they were given, "component_version" of
    the model, "model_package_arn", "min_inferences"}.
    Out: {"status": "ready" | "waiting", "healthy", "inferences"}.
    Raises DevicesUnhealthy when the time is over.
    """
    settings = environment.read(Environment)
    things = things_in(boto3.client("iot"), event["group_arn"])
    devices = succeeded(deployment_statuses(boto3.client("greengrassv2"), things, event["deployment_id"]))
    s3, started = boto3.client("s3"), datetime.fromisoformat(event["started_at"])
    problems, inferences = {}, 0
    for thing in devices:
        key = f"edge/{thing}/health/{event['component_version']}.json"
        report = _report(s3, settings.artifacts_bucket, key, started)
        problem = problem_of(report, event["model_package_arn"], event["components"], event["min_inferences"])
        if problem:
            problems[thing] = problem
        else:
            inferences += int(report["inferences"]) if report else 0
    limit = timedelta(minutes=settings.timeout_minutes)
    if problems and datetime.now(UTC) - datetime.fromisoformat(event["since"]) > limit:
        some = "; ".join(f"{thing}: {problem}" for thing, problem in list(problems.items())[:5])
        raise DevicesUnhealthy(f"{len(problems)} of {len(devices)} devices: {some}")
    status = "waiting" if problems else "ready"
    return {"status": status, "healthy": len(devices) - len(problems), "inferences": inferences}


def problem_of(
    report: Mapping[str, Any] | None, package_arn: str, components: Mapping[str, str], min_inferences: int
) -> str | None:
    """Say what keeps a health report from passing; None if nothing does."""
    if report is None:
        return "has not reported since the deployment"
    if report.get("model_package_arn") != package_arn:
        return f"runs {report.get('model_package_arn')}, not {package_arn}"
    running = report.get("component_versions", {})
    for name, version in components.items():
        if running.get(name) != version:
            return f"runs {name} {running.get(name)}, not {version}"
    if int(report.get("inferences", 0)) < min_inferences:
        return f"{report.get('inferences', 0)} inferences, {min_inferences} are asked for"
    return None


def _report(s3: Any, bucket: str, key: str, started: datetime) -> dict[str, Any] | None:
    """Read a health report that was written after `started`, by the clock of S3, not of the device."""
    try:
        found = s3.get_object(Bucket=bucket, Key=key)
    except s3.exceptions.NoSuchKey:
        return None
    if found["LastModified"] < started:
        return None
    report: dict[str, Any] = json.loads(found["Body"].read())
    return report
