"""Settle, at the end of a release, which members of the tree wait for others from now on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.promotion.held import hold, let_go


@dataclass(frozen=True)
class Environment:
    """Where the ledger is."""

    releases_table: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, list[str]]:
    """Hold what waits, and forget what was released or has failed; safe to repeat.

    In: {"release": the whole state}.
    Out: {"held": [packages], "let_go": [packages]}.
    """
    table = boto3.resource("dynamodb").Table(environment.read(Environment).releases_table)
    tree = event["release"]["set"]["tree"]
    waiting, gone = settled(event["release"])
    for member in waiting:
        hold(table, tree, member)
    for member in gone:
        let_go(table, tree, member["model"], member["model_package_arn"])
    return {
        "held": [member["model_package_arn"] for member in waiting],
        "let_go": [member["model_package_arn"] for member in gone],
    }


def settled(state: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Tell who waits, and who does not any more.

    Where one fails the others have done nothing wrong: they wait for another version of it.
    """
    release = state["set"]
    members, failure = release["members"], release.get("failure")
    if state["purpose"] != "promote" or not release["tree"]:
        return [], []
    if release["hold"] or not failure:
        return (list(members), []) if release["hold"] else ([], list(members))
    failed = [member for member in members if member["model"] == failure["model"]]
    return [member for member in members if member not in failed], failed
