"""Write down what a rollout did, once, beside the release that it rolled out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.executions import message_of
from lambdas.common.objects import keep_record
from lambdas.common.packages import PackageArn

_KEPT = ("component", "staging", "prod", "staging_devices", "prod_devices", "staging_health", "prod_health")


@dataclass(frozen=True)
class Environment:
    """Where the evidence goes."""

    artifacts_bucket: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Keep the record; the first of a package is rollout.json, a later rollout of it adds its own.

    A published inspector that failed before it was known which model goes with it has no package yet.

    In: {"execution", "started_at", "rollout": the whole state of the rollout}.
    Out: {"uri", "outcome"}.
    """
    record = evidence(event["rollout"], execution=event["execution"], started_at=event["started_at"])
    record["recorded_at"] = datetime.now(UTC).isoformat(timespec="seconds")
    uri = keep_record(
        boto3.client("s3"),
        bucket=environment.read(Environment).artifacts_bucket,
        folder=f"releases/{record['model']}/{record['package_version'] or 'inspector'}",
        name="rollout",
        record=record,
    )
    return {"uri": uri, "outcome": record["outcome"]}


def evidence(rollout: Mapping[str, Any], *, execution: str, started_at: str) -> dict[str, Any]:
    """Gather the facts of a rollout, as far as it came; its outcome is `rolled out` or the error's name."""
    failure, package = rollout.get("failure"), rollout["model_package_arn"]
    return {
        "version": 1,
        "outcome": failure["Error"] if failure else "rolled out",
        "reason": message_of(failure["Cause"]) if failure else "",
        "rollback_failure": message_of((rollout.get("rollback_failure") or {}).get("Cause", "")),
        "model": rollout["model"],
        "model_package_arn": package,
        "package_version": PackageArn.parse(package).version if package else None,
        "release": rollout["release"],
        "inspector": rollout.get("inspector"),
        **{name: rollout.get(name) for name in _KEPT},
        "execution": execution,
        "started_at": started_at,
    }
