"""Releases of a parent and its children, as stand-ins, through the deployed Promotion stack, IAM enforced."""

from typing import Any

import pytest
from faults.promoted_tree import ROSES, SMALL, SPRING, Tree

from local.cloud.server import LocalCloud

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def tree(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Tree(cloud, tmp_path_factory.mktemp("tree"), name="trees")


def parent(tree: Tree, flowers: tuple[str, ...], birds: tuple[str, ...] = SMALL, **more: Any) -> str:
    return tree.register("species", ("flowers", "birds"), {"flowers": flowers, "birds": birds}, **more)


def test_a_tree_is_released_together_alone_and_back(tree: Tree) -> None:
    """One story, for endpoints are slow: each part begins where the one before has left the endpoints."""
    flowers, birds = tree.register("flowers", SPRING), tree.register("birds", SMALL)
    species = parent(tree, SPRING)
    for package in (species, flowers):
        tree.released(package)
        assert tree.stage(package) == ("Staging", "Held")
    assert tree.served() == {}
    reason = tree.record(species, "release-held")["reason"]
    assert reason.startswith("species 1 waits for a version of flowers and a version of birds:")
    assert tree.waiting() == {species, flowers}

    tree.released(birds)
    first = tree.runs(flowers, birds, species)
    assert (tree.served("staging"), tree.served()) == (first, first)
    assert tree.waiting() == set()
    for package in (flowers, birds, species):
        record = tree.record(package)
        assert (record["outcome"], record["set"]["released"]) == ("promoted", [flowers, birds, species])
        assert tree.stage(package) == ("Production", "Serving")

    better = tree.register("birds", SMALL)
    tree.released(better)
    second = tree.runs(flowers, better, species)
    assert tree.served() == second
    assert tree.record(better)["set"]["why"] == "birds 2 fits what prod serves"

    roses, routes = tree.register("flowers", ROSES), parent(tree, ROSES, answers=0.5)
    tree.released(roses)
    assert tree.waiting() == {roses}
    failed = tree.decide(routes)
    assert (failed["status"], failed["error"]) == ("FAILED", "StagingTestFailed")
    assert (tree.served("staging"), tree.served()) == (second, second), "the flowers were put back too"
    assert tree.waiting() == {roses}, "it has done nothing wrong"
    assert tree.record(roses)["outcome"] == "ReleasedTogether"
    assert tree.record(routes)["outcome"] == "StagingTestFailed"

    routes = parent(tree, ROSES)
    tree.released(routes)
    third = tree.runs(roses, better, routes)
    assert (tree.served("staging"), tree.served()) == (third, third)

    tree.released(routes, "Rejected")
    assert (tree.served("staging"), tree.served()) == (second, second), "the flowers went back with it"
    assert tree.stage(routes) == ("Production", "RolledBack")
