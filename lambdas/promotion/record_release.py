"""Write down what a promotion did, once, so that it can be asked afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.executions import message_of
from lambdas.common.objects import keep_record, read_json
from lambdas.common.packages import PackageArn


@dataclass(frozen=True)
class Environment:
    """Where the evidence goes."""

    artifacts_bucket: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Keep the record; the first of a package is release.json, a later promotion of it adds its own.

    In: {"execution", "started_at", "promotion": the whole state of the promotion}.
    Out: {"uri", "outcome", "recorded_at"}.
    """
    bucket = environment.read(Environment).artifacts_bucket
    s3 = boto3.client("s3")
    promotion = event["promotion"]
    record = evidence(promotion, execution=event["execution"], started_at=event["started_at"])
    record["dataset"] = _dataset(s3, promotion.get("package"))
    record["recorded_at"] = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    folder = f"releases/{record['model']}/{record['package_version']}"
    uri = keep_record(s3, bucket=bucket, folder=folder, name="release", record=record)
    return {"uri": uri, "outcome": record["outcome"], "recorded_at": record["recorded_at"]}


def evidence(promotion: Mapping[str, Any], *, execution: str, started_at: str) -> dict[str, Any]:
    """Gather the facts of a promotion, as far as it came; its outcome is `promoted` or the error's name."""
    package = promotion.get("package") or {}
    failure = promotion.get("failure")
    return {
        "version": 1,
        "outcome": failure["Error"] if failure else "promoted",
        "reason": message_of(failure["Cause"]) if failure else "",
        "rollback_failure": message_of((promotion.get("rollback_failure") or {}).get("Cause", "")),
        "model": promotion["model"],
        "model_package_arn": promotion["model_package_arn"],
        "package_version": PackageArn.parse(promotion["model_package_arn"]).version,
        "approved_by": package.get("approved_by", ""),
        "approved_at": promotion["approved_at"],
        "event_id": promotion["event_id"],
        "git_commit": package.get("git_commit", ""),
        "evaluation": package.get("evaluation", ""),
        "staging": _environment(promotion, "staging", "test"),
        "prod": _environment(promotion, "prod", "smoke"),
        "execution": execution,
        "started_at": started_at,
    }


def _environment(promotion: Mapping[str, Any], environment_name: str, result: str) -> dict[str, Any]:
    before, deployed = promotion.get(f"{environment_name}_before"), promotion.get(environment_name)
    return {
        "endpoint": (before or {}).get("endpoint"),
        "config_before": (before or {}).get("config"),
        "deployed": deployed,
        result: promotion.get(f"{environment_name}_{result}"),
    }


def _dataset(s3: Any, package: Mapping[str, Any] | None) -> dict[str, str]:
    if not package:
        return {"manifest": "", "sha256": ""}
    manifest = package["dataset_manifest"]
    return {"manifest": manifest, "sha256": read_json(s3, manifest)["sha256"]}
