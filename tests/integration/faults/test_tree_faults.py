"""Faults in releases of a parent and its children: after each, what is served fits, as it did before."""

from collections.abc import Mapping
from typing import Any

import pytest
from faults.promoted_tree import ROSES, SMALL, SPRING, Tree
from waiting import eventually

from local.cloud.server import LocalCloud

pytestmark = pytest.mark.acceptance

NOT_IN_PROD = 'import os\n    assert "-prod" not in os.getcwd(), "it does not load in prod"'


@pytest.fixture(scope="module")
def tree(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Tree(cloud, tmp_path_factory.mktemp("tree-faults"), name="treefaults")


@pytest.fixture(scope="module")
def first(tree: Tree) -> Mapping[str, str]:
    """The runs of the set that is served, and in the ledger."""
    packages = [tree.register("flowers", SPRING), tree.register("birds", SMALL), routing(tree, SPRING)]
    for package in packages:
        tree.released(package)
    return tree.runs(*packages)


def routing(tree: Tree, flowers: tuple[str, ...], **more: Any) -> str:
    return tree.register("species", ("flowers", "birds"), {"flowers": flowers, "birds": SMALL}, **more)


def both_serve(tree: Tree, runs: Mapping[str, str]) -> bool:
    return tree.served("staging") == tree.served() == runs


def test_a_second_member_that_does_not_come_up_in_prod_puts_the_first_back(
    tree: Tree, first: Mapping[str, str]
) -> None:
    roses, routes = tree.register("flowers", ROSES), routing(tree, ROSES, on_load=NOT_IN_PROD)
    tree.released(roses)
    failed = tree.decide(routes)
    assert (failed["status"], failed["error"]) == ("FAILED", "EndpointFailed")
    assert both_serve(tree, first)
    assert tree.stage(roses) == ("Production", "Held"), "it was in prod, and is not any more"
    assert tree.stage(routes) == ("Production", "Failed")
    assert tree.waiting() == {roses}


def test_a_held_member_that_is_rejected_goes_with_nobody(tree: Tree, first: Mapping[str, str]) -> None:
    (roses,) = tree.waiting()
    tree.released(roses, "Rejected")
    assert tree.waiting() == set()
    routes = routing(tree, ROSES)
    tree.released(routes)
    assert tree.stage(routes) == ("Staging", "Held")
    assert "flowers 1, which is in prod, has no rose" in tree.record(routes, "release-held")["reason"]
    tree.released(routes, "Rejected")
    assert both_serve(tree, first)


def test_a_held_member_that_was_changed_since_is_forgotten(tree: Tree, first: Mapping[str, str]) -> None:
    roses, routes = tree.register("flowers", ROSES), routing(tree, ROSES)
    tree.released(roses)
    tree.sagemaker.update_model_package(ModelPackageArn=roses, CustomerMetadataProperties={"seed": "8"})
    tree.released(routes)
    assert tree.waiting() == {routes}, "nobody has approved the flowers as they are now"
    tree.released(routes, "Rejected")
    assert both_serve(tree, first)


def test_after_a_release_was_killed_between_its_members_all_go_back_to_the_set_before(
    tree: Tree, first: Mapping[str, str]
) -> None:
    roses = tree.register("flowers", ROSES)
    routes = routing(tree, ROSES, first="time.sleep(600)")
    tree.released(roses)
    execution = tree.begin(routes)
    eventually(lambda: tree.served("staging")["species"] == tree.runs(routes)["species"])
    assert tree.served("staging")["flowers"] == tree.runs(roses)["flowers"]
    before = tree.executions()
    tree.deployed.states.stop_execution(executionArn=execution, cause="killed by a test")
    recovery = str(eventually(lambda: tree.executions() - before).pop())
    ended = tree.ended(recovery)
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    assert both_serve(tree, first)
    assert tree.record(routes)["outcome"] == "Aborted"
    assert tree.waiting() == {roses}, "it waits for a parent that is not killed"


def test_two_approvals_at_once_are_released_together(tree: Tree, first: Mapping[str, str]) -> None:
    roses, routes = tree.register("flowers", ROSES), routing(tree, ROSES)
    before = tree.executions()
    for package in (routes, roses):
        tree.sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    both = eventually(lambda: tree.executions() - before if len(tree.executions() - before) == 2 else ())
    assert {tree.ended(execution)["status"] for execution in both} == {"SUCCEEDED"}
    assert both_serve(tree, {**first, **tree.runs(roses, routes)})
    assert tree.waiting() == set()
