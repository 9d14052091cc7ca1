"""Decide what becomes of a member of a tree that was approved: released, with others or alone, or held."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lambdas.common import environment
from lambdas.common.packages import UnusablePackage, describe_approved, digest, require_digest
from lambdas.promotion import held, release_set
from lambdas.promotion.find_release import why_unusable
from lambdas.promotion.ledger import newest_first
from lambdas.promotion.settings import Tree, tree_of
from lambdas.promotion.tree_members import member_of
from lambdas.promotion.tree_rule import Member, Plan, decide

_GONE = ("NoSuchKey", "404")
_log = logging.getLogger(__name__)


class Superseded(Exception):  # noqa: N818 - the name of the state machine's outcome
    """A package of the same model that was approved later has had its turn already."""


@dataclass(frozen=True)
class Environment:
    """The configured models, and where the ledger is."""

    models: str
    releases_table: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Lay the set out that is to be released; of one that waits, why.

    In: {"release": the whole state, with `tree` as read_tree gave it}.
    Out: the set as release_set.py describes it. Raises Superseded, NoLongerApproved, PackageChanged,
    UnusablePackage, UnknownModel.
    """
    configured = environment.read(Environment)
    state = event["release"]
    tree = tree_of(configured.models, state["model"])
    look = Look(
        boto3.client("sagemaker"),
        boto3.client("s3"),
        boto3.resource("dynamodb").Table(configured.releases_table),
        tree,
    )
    waiting = look.waiting()
    _only_if_latest(look.table, state, waiting)
    package = describe_approved(look.sagemaker, state["model_package_arn"])
    require_digest(package, state["digest"])
    plan = decide(
        tree,
        serving=look.serving(state["tree"]["prod"]),
        held={model: look.members[item["model_package_arn"]] for model, item in waiting.items()},
        approved=member_of(look.s3, package, state["model"]),
    )
    return release_set.forward(state, plan, tree, approvals=_approvals(look, state, waiting, plan))


@dataclass
class Look:
    """Reads what is registered, held and entered in the ledger of one tree."""

    sagemaker: Any
    s3: Any
    table: Any
    tree: Tree

    def __post_init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.digests: dict[str, str] = {}

    def waiting(self) -> dict[str, dict[str, Any]]:
        """Give what is held; what was rejected, changed or deleted since is forgotten."""
        found = {}
        for model, approval in held.held(self.table, self.tree.parent).items():
            arn = approval["model_package_arn"]
            if why_unusable(self.sagemaker, arn, approval["digest"]):
                held.let_go(self.table, self.tree.parent, model, arn)
            elif model in self.tree.members and (member := self._other(arn, model)):
                self.members[arn] = member
                found[model] = approval
        return found

    def serving(self, endpoints: Mapping[str, Mapping[str, Any]]) -> dict[str, Member]:
        """Read what the endpoints serve; nothing where they have none."""
        found = {}
        for model, endpoint in endpoints.items():
            arn = endpoint["model_package"]
            if arn and (member := self._other(arn, model)):
                found[model] = member
        return found

    def _other(self, arn: str, model: str) -> Member | None:
        """Read another member than the approved one; None where what says what it answers is gone.

        Then nothing fits it any more, and a new version of it is waited for: to fail instead would fail every
        release of the tree, that of this version too.
        """
        try:
            package = self.sagemaker.describe_model_package(ModelPackageName=arn)
            member = member_of(self.s3, package, model)
        except UnusablePackage as problem:
            _log.warning("%s counts no more: %s", arn, problem)
            return None
        except ClientError as error:
            told = error.response["Error"]
            if told["Code"] not in _GONE and "does not exist" not in told["Message"]:
                raise
            _log.warning("%s counts no more: it, or its label map, was deleted", arn)
            return None
        self.digests[arn] = digest(package)
        return member


def _only_if_latest(table: Any, state: Mapping[str, Any], waiting: Mapping[str, Mapping[str, Any]]) -> None:
    """A tree's turns have no order between different models; between versions of one model there is one."""
    model, approved_at = state["model"], state["approved_at"]
    others = [waiting[model]["approved_at"]] if model in waiting else []
    others += [entry["approved_at"] for entry in newest_first(table, model)]
    if any(other > approved_at for other in others):
        raise Superseded(f"a version of {model} that was approved later has had its turn already")


def _approvals(
    look: Look, state: Mapping[str, Any], waiting: Mapping[str, Mapping[str, Any]], plan: Plan
) -> dict[str, Mapping[str, Any]]:
    """Give, for each member of the set, whose approval it goes by."""
    found: dict[str, Mapping[str, Any]] = {}
    for member in plan.members:
        if member.package == state["model_package_arn"]:
            found[member.model] = state
        elif member in plan.changed:
            found[member.model] = waiting[member.model]
        else:
            found[member.model] = {**_entered(look.table, member), "digest": look.digests[member.package]}
    return found


def _entered(table: Any, member: Member) -> dict[str, str]:
    entries = (entry for entry in newest_first(table, member.model) if entry["package"] == member.package)
    entry = next(entries, {})
    return {name: str(entry.get(name, "")) for name in ("approved_at", "approved_by")}
