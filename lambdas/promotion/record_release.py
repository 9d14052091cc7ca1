"""Write down what a promotion did, once, so that it can be asked afterwards."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.executions import message_of
from lambdas.common.objects import keep_record, read_bytes
from lambdas.common.packages import PackageArn
from lambdas.promotion.kept_page import keep_page
from lambdas.promotion.pages.release import release_page
from lambdas.promotion.release_alarms import alarm_states
from lambdas.promotion.release_objects import evidence_objects, named_objects


@dataclass(frozen=True)
class Environment:
    """Where the evidence goes, and where the alarms are."""

    artifacts_bucket: str
    workloads: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Keep the record; the first of a package is release.json, a later promotion of it adds its own.

    In: {"execution", "started_at", "promotion": the whole state of the promotion}.
    Out: {"uri", "outcome", "recorded_at", "sha256"}, the same in every attempt.
    """
    configured = environment.read(Environment)
    bucket, s3 = configured.artifacts_bucket, boto3.client("s3")
    promotion, execution = event["promotion"], event["execution"]
    record = evidence(promotion, execution=execution, started_at=event["started_at"])
    folder = f"releases/{record['model']}/{record['package_version']}"
    record |= evidence_objects(s3, named_objects(s3, promotion, f"s3://{bucket}/{folder}"))
    record["prod"]["alarms"] = alarm_states(configured.workloads, "prod", promotion.get("prod"), execution)
    record["recorded_at"] = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    name, uri, kept = _keep(s3, bucket, folder, record)
    record, sha256 = json.loads(kept), hashlib.sha256(kept).hexdigest()
    page = release_page(record, uri=uri, sha256=sha256)
    keep_page(s3, bucket=bucket, folder=folder, name=name, page=page, execution=execution)
    return {**{key: record[key] for key in ("outcome", "recorded_at")}, "uri": uri, "sha256": sha256}


def _keep(s3: Any, bucket: str, folder: str, record: dict[str, Any]) -> tuple[str, str, bytes]:
    """Write the record once for its outcome; return its name, its URI and what is kept there.

    An execution may have recorded that it promoted and have gone back since, because the page that belongs to
    the record could not be kept: that is another record.
    """
    # A member of a tree that waits is not released yet: that record is still to come.
    name = "release-held" if record["outcome"] == "Held" else "release"
    uri = keep_record(s3, bucket=bucket, folder=folder, name=name, record=record)
    kept = read_bytes(s3, uri)
    if json.loads(kept)["outcome"] != record["outcome"]:
        name = f"release-{record['outcome']}"
        uri = keep_record(s3, bucket=bucket, folder=folder, name=name, record=record)
        kept = read_bytes(s3, uri)
    return name, uri, kept


def evidence(promotion: Mapping[str, Any], *, execution: str, started_at: str) -> dict[str, Any]:
    """Gather the facts of a promotion, as far as it came; its outcome is `promoted` or the error's name."""
    package = promotion.get("package") or {}
    failure = promotion.get("failure")
    return {
        "version": 2,
        "purpose": promotion.get("purpose", "promote"),
        "outcome": failure["Error"] if failure else "promoted",
        "reason": message_of(failure["Cause"]) if failure else "",
        "rollback_failure": message_of((promotion.get("rollback_failure") or {}).get("Cause", "")),
        "life_cycle_failure": message_of((promotion.get("mark_failure") or {}).get("Cause", "")),
        "model": promotion["model"],
        "model_package_arn": promotion["model_package_arn"],
        "package_version": PackageArn.parse(promotion["model_package_arn"]).version,
        "approved_by": promotion.get("approved_by") or package.get("approved_by", ""),
        "approved_at": promotion["approved_at"],
        "rejected": {
            name: promotion[key] for name, key in _REJECTION.items() if promotion.get(key) is not None
        },
        "event_id": promotion["event_id"],
        "git_commit": package.get("git_commit", ""),
        "evaluation": package.get("evaluation", ""),
        "registered": package.get("registered"),
        **_of_tree(promotion),
        "staging": _environment(promotion, "staging", "test"),
        "prod": _environment(promotion, "prod", "smoke"),
        "execution": execution,
        "started_at": started_at,
    }


_REJECTION = {"model_package_arn": "rejected", "at": "rejected_at", "by": "rejected_by"}


def _of_tree(promotion: Mapping[str, Any]) -> dict[str, Any]:
    """Name the set that a member of a tree was released in, with each package."""
    if "set" not in promotion:
        return {}
    together = promotion["set"]
    packages = [member["model_package_arn"] for member in together["members"]]
    return {"set": {**{name: together[name] for name in ("tree", "why", "serves")}, "released": packages}}


def _environment(promotion: Mapping[str, Any], environment_name: str, result: str) -> dict[str, Any]:
    before = promotion.get(f"{environment_name}_before") or {}
    check = promotion.get(f"{environment_name}_check") or {}
    return {
        "endpoint": before.get("endpoint"),
        "config_before": before.get("config"),
        "model_package_before": before.get("model_package"),
        "deployed": promotion.get(environment_name),
        "steps": check.get("steps", []),
        result: promotion.get(f"{environment_name}_{result}"),
    }
