"""Enter a release into the ledger, once prod serves it and its record is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.promotion.ledger import enter


@dataclass(frozen=True)
class Environment:
    """Where the ledger is."""

    releases_table: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Enter it under the time of its record; safe to repeat.

    In: {"promotion": the whole state of the promotion}.
    Out: {"promoted_at"}.
    """
    table = boto3.resource("dynamodb").Table(environment.read(Environment).releases_table)
    enter(table, entry(event["promotion"]))
    return {"promoted_at": event["promotion"]["release"]["recorded_at"]}


def entry(promotion: Mapping[str, Any]) -> dict[str, Any]:
    """Take from a promotion what a roll back to it will need."""
    release = promotion["release"]
    return {
        "model": promotion["model"],
        "promoted_at": release["recorded_at"],
        "package": promotion["package"]["arn"],
        "version": promotion["package"]["version"],
        "config": promotion["prod"]["config"],
        "record": release["uri"],
        "record_sha256": release["sha256"],
        "purpose": promotion["purpose"],
        "approved_at": promotion["approved_at"],
        "approved_by": promotion["approved_by"],
        "digest": promotion["digest"],
        # Of a member of a tree: all that prod serves of the tree with it.
        **({"set": promotion["set"]["serves"]} if "set" in promotion else {}),
    }
