"""The members of a tree as components of one endpoint: each comes and goes without touching the others."""

from typing import Any

import pytest
from faults.promoted_tree import ROSES, SMALL, SPRING, Tree

from local.cloud.server import LocalCloud

pytestmark = pytest.mark.acceptance

COMPONENTS = {"kind": "components", "instance_type": "ml.m5.xlarge", "bake_seconds": 0}
FAILS_IN_PROD = 'import os\n    assert "-prod" not in os.getcwd(), "it does not load in prod"'


@pytest.fixture(scope="module")
def tree(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Tree(
        cloud, tmp_path_factory.mktemp("tree-parts"), name="treeparts", endpoints={"prod": COMPONENTS}
    )


def routing(tree: Tree, flowers: tuple[str, ...], **more: Any) -> str:
    return tree.register("species", ("flowers", "birds"), {"flowers": flowers, "birds": SMALL}, **more)


def endpoints(tree: Tree) -> list[str]:
    found = tree.sagemaker.list_endpoints(NameContains=f"{tree.name}-")["Endpoints"]
    return sorted(one["EndpointName"] for one in found if one["EndpointName"].endswith("-prod"))


def components(tree: Tree) -> dict[str, str]:
    """The models behind prod's components, by the components' names."""
    listed = tree.sagemaker.list_inference_components(EndpointNameEquals=f"{tree.name}-species-prod")
    names = [one["InferenceComponentName"] for one in listed["InferenceComponents"]]
    described = [tree.sagemaker.describe_inference_component(InferenceComponentName=name) for name in names]
    return {one["InferenceComponentName"]: one["Specification"]["ModelName"] for one in described}


def test_the_members_of_a_tree_share_an_endpoint(tree: Tree) -> None:
    """One story: a first release that fails, one that is released, one member alone."""
    flowers, birds = tree.register("flowers", SPRING), tree.register("birds", SMALL)
    tree.released(flowers)
    tree.released(birds)
    failed = tree.decide(routing(tree, SPRING, on_load=FAILS_IN_PROD))
    assert (failed["status"], failed["error"]) == ("FAILED", "EndpointFailed")
    assert endpoints(tree) == [], "the endpoint goes with its last component"

    species = routing(tree, SPRING)
    tree.released(species)
    assert endpoints(tree) == ["treeparts-species-prod"]
    before = components(tree)
    assert sorted(before) == [f"treeparts-{model}-prod" for model in ("birds", "flowers", "species")]
    assert tree.served() == tree.runs(flowers, birds, species)

    better = tree.register("birds", SMALL)
    tree.released(better)
    after = components(tree)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"treeparts-birds-prod"}
    assert tree.served() == tree.runs(flowers, better, species)

    roses = tree.register("flowers", ROSES)
    tree.released(roses)
    failed = tree.decide(routing(tree, ROSES, on_load=FAILS_IN_PROD))
    assert failed["error"] == "EndpointFailed"
    assert components(tree) == after, "each component was put back by its own name"
    assert tree.served() == tree.runs(flowers, better, species)
