"""The members of a tree that are released together, one after the other; all of it travels in the state.

At the top of the state is the member whose turn it is, described as a promotion of one model is: what serves
promotions serves members too. The others are in `set`:
{"tree": its parent, "why": these, "hold": whether the one that was approved waits, "members": [as far as each
has come], "serves": {model: what prod will serve} of the whole tree, "before": {environment: {model: as
read_endpoint gave it}}, "asked": the one that the execution was started for, "phase", "left": [the members
that the phase has still to come to], "current", "more": whether there is one, "failure": what ended it}.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.promotion.settings import Tree
from lambdas.promotion.tree_rule import Member, Plan

STAGING, PROD = "staging", "prod"
_APPROVAL = ("model", "model_package_arn", "digest", "approved_at", "approved_by", "event_id")
# What is the execution's, and not a member's.
_COMMON = (
    "purpose",
    "turn",
    "attempt",
    "cut_off",
    "rejected",
    "rejected_at",
    "rejected_by",
    "set",
    "mark_failure",
    "ledger_failure",
    "announcement_failure",
    "staging_failure",
    "rollback_failure",
)
# Read once, and kept in the set.
_DROPPED = ("failure", "tree")
# The phases in which not every member has a part: what it needs for that, and what is noted of it then.
_ENVIRONMENT = {
    "go to staging": STAGING,
    "go to prod": PROD,
    "be confirmed": PROD,
    "be recorded": PROD,
    "be entered": PROD,
    "follow in staging": STAGING,
}
_CHANGES = {"go to staging": STAGING, "go to prod": PROD, "follow in staging": STAGING}
_UNDONE = {"leave prod": PROD, "leave staging": STAGING}
FAILED = "be recorded as failed"
PHASES = ("be checked", *_ENVIRONMENT, *_UNDONE, FAILED)


def forward(
    state: Mapping[str, Any], plan: Plan, tree: Tree, *, approvals: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Lay out the set that was decided on; of one that waits, with `failure` saying why."""
    both = [STAGING, PROD]
    members = [_released(member, approvals[member.model], both) for member in plan.changed]
    serves = {member.model: _served(member, approvals[member.model]) for member in plan.members}
    if plan.members:
        return laid_out(state, tree, why=plan.why, members=members, serves=serves)
    asked = {name: state[name] for name in _APPROVAL}
    waits = laid_out(state, tree, why=plan.why, members=[{**asked, "needs": []}], serves={}, hold=True)
    return {**waits, "failure": {"Error": "Held", "Cause": plan.why}}


def laid_out(
    state: Mapping[str, Any],
    tree: Tree,
    *,
    why: str,
    members: Sequence[Mapping[str, Any]],
    serves: Mapping[str, Any],
    hold: bool = False,
) -> dict[str, Any]:
    """Give the state with its set, before the first phase."""
    asked = {name: state[name] for name in _APPROVAL}
    made = {
        "tree": tree.parent,
        "why": why,
        "hold": hold,
        "members": list(members),
        "serves": dict(serves),
        "before": state["tree"],
        "asked": asked,
        "phase": "",
        "left": [],
        "current": None,
        "more": bool(members),
    }
    return {**_of_the_execution(state), **asked, "set": made}


def step(state: Mapping[str, Any], phase: str) -> dict[str, Any]:
    """File the current member away and bring the next one of the phase to the top; the first, if it begins.

    Where none is left, `set.more` is false and the one that was asked for is at the top.
    """
    release = _filed(_with_set(state), state)
    if release["phase"] != phase:
        release |= {"phase": phase, "left": _concerned(release["members"], phase)}
    common = {**_of_the_execution(state), "set": release}
    if not release["left"]:
        release |= {"current": None, "more": False}
        failure = {"failure": release["failure"]} if "failure" in release else {}
        return {**common, **release["asked"], **failure}
    current, *left = release["left"]
    release |= {"current": current, "left": left, "more": True}
    return {**common, **release["members"][current], **_of_phase(release, current, phase)}


def _with_set(state: Mapping[str, Any]) -> dict[str, Any]:
    """Give the set; of what failed before there was one, that of the one that was asked for."""
    if "set" in state:
        return dict(state["set"])
    asked = {name: state[name] for name in _APPROVAL}
    alone = {"tree": "", "why": "", "hold": False, "serves": {}, "before": {}, "asked": asked}
    return {**alone, "members": [{**asked, "needs": []}], "phase": "", "left": [], "current": 0, "more": True}


def _filed(release: dict[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    current = release["current"]
    failure = state.get("failure")
    if failure and "failure" not in release:
        release["failure"] = {**failure, "model": state["model"]}
    if current is not None:
        own = {name: value for name, value in state.items() if name not in (*_COMMON, *_DROPPED)}
        members = list(release["members"])
        members[current] = own
        release["members"] = members
    return release


def _concerned(members: Sequence[Mapping[str, Any]], phase: str) -> list[int]:
    """Number the members that have a part in the phase; what came last goes back first."""
    if phase in _UNDONE:
        reached = f"{_UNDONE[phase]}_before"
        return [number for number, member in enumerate(members) if reached in member][::-1]
    needs = _ENVIRONMENT.get(phase)
    return [number for number, member in enumerate(members) if needs is None or needs in member["needs"]]


def _of_phase(release: Mapping[str, Any], current: int, phase: str) -> dict[str, Any]:
    model = release["members"][current]["model"]
    if phase in _CHANGES:
        place = _CHANGES[phase]
        return {f"{place}_before": release["before"][place][model]}
    return {"failure": _failure_of(release, model)} if phase == FAILED else {}


def _failure_of(release: Mapping[str, Any], model: str) -> dict[str, str]:
    """A member that failed has its own; the others are held again, or left as they were."""
    failure = release.get("failure") or {"Error": "Unknown", "Cause": "", "model": ""}
    if failure["model"] == model:
        return {"Error": failure["Error"], "Cause": failure["Cause"]}
    cause = f"{failure['model']} failed in the same release ({failure['Error']}): {failure['Cause']}"
    return {"Error": "ReleasedTogether", "Cause": cause}


def _released(member: Member, approval: Mapping[str, Any], needs: Sequence[str]) -> dict[str, Any]:
    told = {name: approval.get(name, "") for name in _APPROVAL}
    own = {"model": member.model, "model_package_arn": member.package, "needs": list(needs)}
    return {**told, **own, "todo": "release"}


def _served(member: Member, approval: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: approval.get(name, "") for name in ("digest", "approved_at", "approved_by")}
    return {"package": member.package, "version": member.version, **told}


def _of_the_execution(state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: state[name] for name in _COMMON if name in state}
