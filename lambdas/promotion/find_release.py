"""Find the release to go back to: the newest of the ledger whose package is still what was approved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lambdas.common import environment
from lambdas.common.packages import (
    NoLongerApproved,
    PackageChanged,
    UnusablePackage,
    describe_approved,
    require_digest,
)
from lambdas.promotion.ledger import newest_first

NOTHING, STAGING_ONLY, PROD = "nothing", "staging", "prod"


class NothingToGoBackTo(Exception):  # noqa: N818 - the name of the state machine's outcome
    """No earlier release may be deployed; what is served stays."""


@dataclass(frozen=True)
class Environment:
    """Where the ledger is."""

    releases_table: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Say what is to be done, and aim the promotion at the release.

    In: {"promotion": the whole state, with `serving` as read_endpoint gave it of prod}.
    Out: the same without `failure`, with "todo": "nothing" | "staging" | "prod" and, where something is to be
    done, the release's own "model_package_arn", "approved_at", "approved_by" and "digest".
    Raises NothingToGoBackTo, naming each release that was passed over.
    """
    promotion = {name: value for name, value in event["promotion"].items() if name != "failure"}
    sagemaker = boto3.client("sagemaker")
    if promotion["purpose"] == "roll back" and not _is_to_go(sagemaker, promotion):
        return {**promotion, "todo": NOTHING}
    table = boto3.resource("dynamodb").Table(environment.read(Environment).releases_table)
    release = newest_usable(sagemaker, newest_first(table, promotion["model"]))
    serves_it = promotion["serving"]["model_package"] == release["package"]
    return {
        **promotion,
        "todo": STAGING_ONLY if serves_it else PROD,
        "model_package_arn": release["package"],
        **{name: release[name] for name in ("approved_at", "approved_by", "digest")},
    }


def newest_usable(sagemaker: Any, releases: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Give the first release whose package is there, approved and unchanged; each package is asked once."""
    passed_over: dict[str, str] = {}
    for release in releases:
        package = release["package"]
        if package in passed_over:
            continue
        reason = why_unusable(sagemaker, package, release["digest"])
        if reason is None:
            return release
        passed_over[package] = reason
    reasons = "; ".join(passed_over.values()) or "nothing has been released before"
    raise NothingToGoBackTo(f"prod keeps what it serves: {reasons}")


def why_unusable(sagemaker: Any, package: str, approved: str) -> str | None:
    """Say why a package cannot be gone back to; None where it is there, approved and unchanged."""
    try:
        require_digest(describe_approved(sagemaker, package), approved)
    except (NoLongerApproved, PackageChanged, UnusablePackage) as problem:
        return str(problem)
    except ClientError as error:
        if "does not exist" not in error.response["Error"]["Message"]:
            raise
        return f"{package} was deleted"
    return None


def _is_to_go(sagemaker: Any, promotion: Mapping[str, Any]) -> bool:
    """Whether prod serves what was rejected, and it is rejected still."""
    rejected = promotion["rejected"]
    if promotion["serving"]["model_package"] != rejected:
        return False
    status = sagemaker.describe_model_package(ModelPackageName=rejected).get("ModelApprovalStatus")
    return bool(status != "Approved")
