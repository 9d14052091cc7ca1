"""Find the set to go back to: the newest of the ledger of which every package is still what was approved."""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.promotion import held, release_set
from lambdas.promotion.find_release import NothingToGoBackTo, why_unusable
from lambdas.promotion.ledger import newest_first
from lambdas.promotion.settings import Tree, tree_of


@dataclass(frozen=True)
class Environment:
    """The configured models, and where the ledger is."""

    models: str
    releases_table: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Lay out what differs from the set that prod should serve; nothing where nothing is to be done.

    In: {"release": the whole state, with `tree` as read_tree gave it}.
    Out: the set as release_set.py describes it. Raises NothingToGoBackTo, naming each package that was
    passed over, and UnknownModel.
    """
    configured = environment.read(Environment)
    state = {name: value for name, value in event["release"].items() if name != "failure"}
    tree = tree_of(configured.models, state["model"])
    table = boto3.resource("dynamodb").Table(configured.releases_table)
    sagemaker = boto3.client("sagemaker")
    if state["purpose"] == "roll back":
        held.let_go(table, tree.parent, state["model"], state["rejected"])
        if not _is_to_go(sagemaker, state):
            return release_set.laid_out(state, tree, why="", members=[], serves={})
    entries = heapq.merge(
        *(newest_first(table, model) for model in tree.members),
        key=lambda entry: str(entry["promoted_at"]),
        reverse=True,
    )
    serves = newest_usable_set(sagemaker, entries)
    why = f"the set that was in prod before; {state['model']} gave the occasion"
    return release_set.laid_out(state, tree, why=why, members=_members(state, tree, serves), serves=serves)


def newest_usable_set(sagemaker: Any, releases: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Give the first set whose packages are all there, approved and unchanged; each package is asked once."""
    asked: dict[str, str | None] = {}
    for release in releases:
        # The table's numbers are no JSON.
        serves = {
            model: {**member, "version": int(member["version"])}
            for model, member in (release.get("set") or {}).items()
        }
        for member in serves.values():
            package = member["package"]
            if package not in asked:
                asked[package] = why_unusable(sagemaker, package, member["digest"])
        if serves and not any(asked[member["package"]] for member in serves.values()):
            return serves
    reasons = "; ".join(reason for reason in asked.values() if reason) or "no set has been released before"
    raise NothingToGoBackTo(f"prod keeps what it serves: {reasons}")


def _members(state: Mapping[str, Any], tree: Tree, serves: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Describe those that an environment does not serve as the set has them."""
    members = []
    for model in tree.members:
        wanted = serves.get(model)
        needs = [
            place
            for place in (release_set.STAGING, release_set.PROD)
            if wanted and state["tree"][place][model]["model_package"] != wanted["package"]
        ]
        if wanted and needs:
            approval = {name: wanted[name] for name in ("digest", "approved_at", "approved_by")}
            package = {"model": model, "model_package_arn": wanted["package"]}
            told = {"event_id": state["event_id"], "needs": needs, "todo": "release"}
            members.append({**package, **approval, **told})
    return members


def _is_to_go(sagemaker: Any, state: Mapping[str, Any]) -> bool:
    """Whether prod serves what was rejected, and it is rejected still."""
    rejected = state["rejected"]
    if state["tree"]["prod"][state["model"]]["model_package"] != rejected:
        return False
    status = sagemaker.describe_model_package(ModelPackageName=rejected).get("ModelApprovalStatus")
    return bool(status != "Approved")
