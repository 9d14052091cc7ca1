"""The record of the promotion by which a package came to where it runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from local.audit.finding import Audit, AuditError
from local.audit.objects import Objects, Unreadable

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Release:
    """An entry of the ledger of releases: which package, and the record with the hash that it had."""

    package_arn: str
    record: str
    record_sha256: str
    promoted_at: str


def find(session: Any, project: str, model: str, package_arn: str) -> Release | None:
    """Look a package's newest release up in the ledger; None where it has never been promoted."""
    table = session.resource("dynamodb").Table(_ledger(session, project))
    pages = table.meta.client.get_paginator("query").paginate(
        TableName=table.name,
        KeyConditionExpression=Key("model").eq(model),
        FilterExpression=Attr("package").eq(package_arn),
        ScanIndexForward=False,
        ConsistentRead=True,
    )
    entry = next((item for page in pages for item in page["Items"]), None)
    if entry is None:
        return None
    return Release(package_arn, entry["record"], entry["record_sha256"], entry["promoted_at"])


def check(audit: Audit, objects: Objects, release: Release) -> None:
    """Check the record against the ledger, and every object that it names against the hash in it."""
    try:
        content = objects.read(release.record)
    except Unreadable as error:
        audit.wrong("release record", release.record, str(error))
        return
    found = hashlib.sha256(content).hexdigest()
    if found != release.record_sha256:
        why = f"its SHA-256 is {found}, the ledger says {release.record_sha256}"
        audit.wrong("release record", release.record, why)
        return
    record = json.loads(content)
    who = record["approved_by"].rpartition("/")[2] or "unknown"
    audit.holds("release record", f"{release.record}, approved by {who} at {record['approved_at']}")
    if record["model_package_arn"] != release.package_arn:
        audit.wrong("release record", release.record, f"it is about {record['model_package_arn']}")
    for uri, problem in objects.problems(record.get("hashes") or {}):
        audit.check("named in it", uri, problem)


def _ledger(session: Any, project: str) -> str:
    stack = f"{project}-promotion"
    try:
        described = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        raise AuditError(f"the stack {stack} cannot be described: {error}") from error
    outputs: dict[str, str] = {
        output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])
    }
    if "ReleasesTable" not in outputs:
        raise AuditError(f"the stack {stack} has no output ReleasesTable: deploy it from this version")
    return outputs["ReleasesTable"]
