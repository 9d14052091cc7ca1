"""Releases of trees: what is held, what is gone back to, who is next, what is told and marked."""

from typing import Any

import pytest
from fake_tree import FakeTree, arn, tree_of

from lambdas.common.packages import NoLongerApproved, PackageChanged, UnusablePackage
from lambdas.promotion import check_tree, find_set, keep_held, next_member
from lambdas.promotion.check_tree import Superseded
from lambdas.promotion.enter_release import entry
from lambdas.promotion.find_release import NothingToGoBackTo
from lambdas.promotion.held import held
from lambdas.promotion.mark_package import marks
from lambdas.promotion.notify import notice
from lambdas.promotion.record_release import evidence

SPRING, ROSES, SMALL = ("daffodil", "tulip"), ("daffodil", "rose", "tulip"), ("robin", "wren")
LATER = "2026-11-21T18:00:00.000Z"


@pytest.fixture
def tree(monkeypatch: pytest.MonkeyPatch) -> FakeTree:
    """A tree of which version 1 of every member serves, and which is entered in the ledger."""
    fake = FakeTree(monkeypatch)
    fake.register("flowers", 1, SPRING)
    fake.register("birds", 1, SMALL)
    fake.register("species", 1, ("flowers", "birds"), {"flowers": SPRING, "birds": SMALL})
    enter(fake, "2026-11-20T00:00:00.000Z", flowers=1, birds=1, species=1)
    return fake


FIRST = {model: arn(model, 1) for model in ("flowers", "birds", "species")}


def enter(fake: FakeTree, at: str, **versions: int) -> None:
    """Enter a set into the ledger, as each of its members."""
    serves = {}
    for model, version in versions.items():
        told = fake.approval(arn(model, version), at)
        approved = {name: told[name] for name in ("digest", "approved_at", "approved_by")}
        serves[model] = {"package": arn(model, version), "version": version, **approved}
    for model, member in serves.items():
        item = {"model": model, "promoted_at": at, **member, "set": serves}
        fake.table.put_item(Item=item)


def check(fake: FakeTree, package: str, at: str = LATER, **serving: str | None) -> dict[str, Any]:
    state = {**fake.approval(package, at), "tree": tree_of({**FIRST, **serving})}
    return check_tree.handler({"release": state}, None)


def test_what_fits_is_laid_out_with_what_every_endpoint_served_before(tree: FakeTree) -> None:
    package = tree.register("birds", 2, SMALL)
    found = check(tree, package)
    assert [member["model_package_arn"] for member in found["set"]["members"]] == [package]
    assert found["set"]["before"]["prod"]["species"]["model_package"] == FIRST["species"]
    serves = {model: member["package"] for model, member in found["set"]["serves"].items()}
    assert serves == {**FIRST, "birds": package}
    assert found["set"]["serves"]["species"]["approved_by"] == "arn:approver"
    assert "failure" not in found
    assert found["turn"] == {"line": "promotion of tree species"}


def test_what_waits_is_held_by_its_exact_package_and_goes_with_what_it_waited_for(tree: FakeTree) -> None:
    roses = tree.register("flowers", 2, ROSES)
    waits = check(tree, roses)
    assert waits["set"]["hold"] is True
    assert waits["failure"]["Error"] == "Held"
    assert keep_held.handler({"release": next_member.handler(failed_phase(waits), None)}, None) == {
        "held": [roses],
        "let_go": [],
    }
    assert held(tree.table, "species")["flowers"]["digest"] == tree.approval(roses)["digest"]
    tree.register("flowers", 3, SPRING)  # a newer one is registered, and approved by nobody
    routes = tree.register("species", 2, ("flowers", "birds"), {"flowers": ROSES, "birds": SMALL})
    found = check(tree, routes)
    assert [member["model_package_arn"] for member in found["set"]["members"]] == [roses, routes]
    assert keep_held.handler({"release": found}, None)["let_go"] == [roses, routes]
    assert held(tree.table, "species") == {}


def failed_phase(state: dict[str, Any]) -> dict[str, Any]:
    return {"release": state, "phase": "be recorded as failed"}


def hold(fake: FakeTree, package: str, at: str = LATER) -> None:
    waits = check(fake, package, at)
    assert waits["set"]["hold"] is True
    keep_held.handler({"release": waits}, None)


@pytest.mark.parametrize("fault", ["rejected", "changed", "deleted"])
def test_a_held_package_that_nobody_approves_any_more_is_forgotten(tree: FakeTree, fault: str) -> None:
    roses = tree.register("flowers", 2, ROSES)
    hold(tree, roses)
    if fault == "rejected":
        tree.packages[roses]["ModelApprovalStatus"] = "Rejected"
    elif fault == "changed":
        tree.packages[roses]["CustomerMetadataProperties"]["git_commit"] = "another"
    else:
        del tree.packages[roses]
    routes = tree.register("species", 2, ("flowers", "birds"), {"flowers": ROSES, "birds": SMALL})
    assert check(tree, routes)["set"]["hold"] is True
    assert held(tree.table, "species") == {}


def test_a_later_approval_of_the_same_model_takes_the_place_of_the_held_one(tree: FakeTree) -> None:
    older, newer = tree.register("flowers", 2, ROSES), tree.register("flowers", 3, ROSES)
    hold(tree, older, "2026-11-21T18:00:00.000Z")
    hold(tree, newer, "2026-11-21T19:00:00.000Z")
    assert held(tree.table, "species")["flowers"]["model_package_arn"] == newer
    with pytest.raises(Superseded, match="a version of flowers that was approved later"):
        check(tree, older, "2026-11-21T18:00:00.000Z")
    assert check(tree, tree.register("birds", 2, SMALL), "2026-11-21T18:30:00.000Z")["set"]["members"], (
        "one of another model is not late"
    )


def test_an_approval_that_is_older_than_what_has_been_released_comes_too_late(tree: FakeTree) -> None:
    with pytest.raises(Superseded):
        check(tree, tree.register("birds", 2, SMALL), "2026-11-19T00:00:00.000Z")


def test_a_withdrawn_or_changed_approval_ends_by_name(tree: FakeTree) -> None:
    package = tree.register("birds", 2, SMALL, approval="Rejected")
    with pytest.raises(NoLongerApproved):
        check(tree, package)
    tree.packages[package]["ModelApprovalStatus"] = "Approved"
    state = {**tree.approval(package), "approved_at": LATER, "tree": tree_of(FIRST), "digest": "another"}
    with pytest.raises(PackageChanged):
        check_tree.handler({"release": state}, None)


def test_a_label_map_that_is_not_the_registered_one_is_refused(tree: FakeTree) -> None:
    package = tree.register("birds", 2, SMALL)
    key = "s3://artifacts/runs/birds/2/test/label_map.json"
    tree.objects[key] = tree.objects[key].replace(b"wren", b"hawk")
    with pytest.raises(UnusablePackage, match=r"is not the label map that .*birds/2 was registered with"):
        check(tree, package)


def back(fake: FakeTree, rejected: str, tree: Any, **more: Any) -> dict[str, Any]:
    told = {"purpose": "roll back", "rejected": rejected, "rejected_by": "arn:approver", "tree": tree}
    return find_set.handler({"release": {**fake.approval(rejected), **told, **more}}, None)


def test_a_rejection_of_what_runs_goes_back_to_the_whole_set_before(tree: FakeTree) -> None:
    roses = tree.register("flowers", 2, ROSES)
    routes = tree.register("species", 2, ("flowers", "birds"), {"flowers": ROSES, "birds": SMALL})
    enter(tree, "2026-11-21T00:00:00.000Z", flowers=2, birds=1, species=2)
    tree.packages[routes]["ModelApprovalStatus"] = "Rejected"
    found = back(tree, routes, tree_of({"flowers": roses, "birds": FIRST["birds"], "species": routes}))
    members = [(member["model_package_arn"], member["needs"]) for member in found["set"]["members"]]
    both = ["staging", "prod"]
    assert members == [(FIRST["flowers"], both), (FIRST["species"], both)], "the birds stay as they are"
    assert found["set"]["serves"]["birds"]["version"] == 1


def test_a_rejection_of_what_does_not_run_changes_nothing_and_forgets_what_was_held(tree: FakeTree) -> None:
    roses = tree.register("flowers", 2, ROSES)
    hold(tree, roses)
    tree.packages[roses]["ModelApprovalStatus"] = "Rejected"
    found = back(tree, roses, tree_of(FIRST))
    assert (found["set"]["members"], found["set"]["more"]) == ([], False)
    assert held(tree.table, "species") == {}


def test_without_a_set_before_prod_keeps_what_it_serves(tree: FakeTree) -> None:
    tree.packages[FIRST["birds"]]["ModelApprovalStatus"] = "Rejected"
    with pytest.raises(NothingToGoBackTo, match=r"birds/1 is Rejected"):
        back(tree, FIRST["birds"], tree_of(FIRST))


def test_what_was_cut_off_is_put_back_where_it_had_come_to(tree: FakeTree) -> None:
    roses = tree.register("flowers", 2, ROSES)
    served = tree_of(FIRST, staging={**FIRST, "flowers": roses})
    found = back(tree, roses, served, purpose="recover", failure={"Error": "Aborted", "Cause": "killed"})
    (member,) = found["set"]["members"]
    assert (member["model_package_arn"], member["needs"]) == (FIRST["flowers"], ["staging"])
    assert "failure" not in found


@pytest.fixture
def both(tree: FakeTree) -> dict[str, Any]:
    """The state of a release of flowers and species together."""
    roses = tree.register("flowers", 2, ROSES)
    hold(tree, roses)
    routes = tree.register("species", 2, ("flowers", "birds"), {"flowers": ROSES, "birds": SMALL})
    return check(tree, routes)


def step(state: dict[str, Any], phase: str, **came_to: Any) -> dict[str, Any]:
    return next_member.handler({"release": {**state, **came_to}, "phase": phase}, None)


def test_the_members_come_one_after_the_other_the_child_first_and_keep_what_they_came_to(
    both: dict[str, Any],
) -> None:
    state = step(both, "go to staging")
    assert (state["model"], state["staging_before"]["model_package"]) == ("flowers", FIRST["flowers"])
    state = step(state, "go to staging", staging={"config": "f"})
    assert (state["model"], state["set"]["more"], "staging" in state) == ("species", True, False)
    state = step(state, "go to staging", staging={"config": "s"})
    assert (state["model"], state["set"]["more"]) == ("species", False)
    assert [member["staging"]["config"] for member in state["set"]["members"]] == ["f", "s"]
    state = step(state, "go to prod")
    assert (state["model"], state["staging"]["config"]) == ("flowers", "f")
    assert state["prod_before"]["model_package"] == FIRST["flowers"]


def test_a_failure_puts_back_who_was_changed_the_last_one_first(both: dict[str, Any]) -> None:
    state = step(step(both, "go to staging"), "go to staging", staging={})
    state = step(step(state, "go to staging", staging={}), "go to prod")
    state = step(state, "leave prod", failure={"Error": "RolledBack", "Cause": "an alarm"})
    assert (state["model"], "failure" in state) == ("flowers", False), "species was not in prod yet"
    state = step(state, "leave prod")
    assert state["set"]["more"] is False
    left = []
    state = step(state, "leave staging")
    while state["set"]["more"]:
        left.append(state["model"])
        state = step(state, "leave staging")
    assert left == ["species", "flowers"]
    state = step(state, "be recorded as failed")
    assert state["failure"] == {"Error": "RolledBack", "Cause": "an alarm"}
    state = step(state, "be recorded as failed")
    assert state["model"] == "species"
    assert state["failure"]["Error"] == "ReleasedTogether"
    assert state["failure"]["Cause"] == "flowers failed in the same release (RolledBack): an alarm"
    assert [(mark.stage, mark.status) for mark in marks(state, "e")] == [("Staging", "Held")]
    state = step(state, "be recorded as failed")
    assert state["failure"]["Error"] == "RolledBack", "the execution ends by the first name"
    held_now, gone = keep_held.settled(state)
    assert [member["model"] for member in held_now] == ["species"]
    assert [member["model"] for member in gone] == ["flowers"]


def test_a_failure_before_there_was_a_set_is_recorded_of_the_one_that_was_asked_for(tree: FakeTree) -> None:
    state = {**tree.approval(tree.register("birds", 2, SMALL)), "tree": tree_of(FIRST)}
    state = step(state, "leave prod", failure={"Error": "Superseded", "Cause": "late"})
    assert state["set"]["more"] is False
    state = step(step(state, "leave staging"), "be recorded as failed")
    assert (state["model"], state["failure"]["Error"], "tree" in state) == ("birds", "Superseded", False)
    assert evidence(state, execution="e", started_at="now")["outcome"] == "Superseded"
    assert keep_held.settled(step(state, "be recorded as failed")) == ([], [])


def test_the_record_and_the_ledger_name_the_set(both: dict[str, Any]) -> None:
    state = step(both, "be recorded")
    record = evidence(state, execution="e", started_at="now")
    assert record["set"]["released"] == [arn("flowers", 2), arn("species", 2)]
    assert record["set"]["serves"]["birds"]["package"] == FIRST["birds"]
    release = {"recorded_at": "2026-11-21T20:00:00.000Z", "uri": "u", "sha256": "s"}
    package = {"arn": arn("flowers", 2), "version": 2}
    entered = entry({**state, "release": release, "package": package, "prod": {"config": "c"}})
    assert entered["set"] == both["set"]["serves"]


@pytest.mark.parametrize(
    ("more", "subject", "line"),
    [
        ({}, "flowers 2 and species 2 are together in prod", "fit one another"),
        (
            {"purpose": "roll back", "rejected": arn("species", 3), "rejected_by": "arn:approver"},
            "flowers 2 and species 2 are together back in prod, species 3 was rejected",
            "species/3 was rejected by arn:approver.",
        ),
        (
            {"failure": {"Error": "StagingTestFailed", "Cause": "top1", "model": "flowers"}},
            "flowers 2 and species 2 not released: StagingTestFailed",
            "Held, until there is another version of flowers: species 2.",
        ),
        (
            {
                "failure": {"Error": "X", "Cause": "why", "model": "flowers"},
                "rollback_failure": {"Cause": "no"},
            },
            "species: THE WAY BACK FAILED, look at prod",
            "Why it could not: no",
        ),
    ],
)
def test_people_are_told_once_of_the_whole_set(
    both: dict[str, Any], more: dict[str, Any], subject: str, line: str
) -> None:
    told, message = notice({**both, **more}, "execution")
    assert told == subject
    assert line in message


def test_who_waits_is_told_what_for(tree: FakeTree) -> None:
    waits = check(tree, tree.register("flowers", 2, ROSES))
    subject, message = notice(step(step(waits, "be recorded as failed"), "be recorded as failed"), "e")
    assert subject == "flowers 2 is held"
    assert "flowers 2 has besides rose." in message
    assert "Reject it if it shall not be." in message
