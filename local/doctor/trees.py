"""What a tree of models asks for beyond its models: room for all on one endpoint, and answers in time."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from config import Edgeline
from config_trees import Tree
from local.doctor.always_on import Served, served, vcpus
from local.doctor.estimate import HOURS
from local.doctor.finding import Finding
from local.doctor.prices import Instances
from local.doctor.tables import table


def check(config: Edgeline, region: str | None) -> Iterator[Finding]:
    """Look at every shared endpoint, and at who answers late after a pause."""
    for endpoint in served(config):
        yield from _room(endpoint)
    instances = Instances(table("prices"), region)
    for tree in config.trees:
        yield from _cold(tree, instances)


def _room(found: Served) -> Iterator[Finding]:
    """SageMaker places a copy where enough processors are left, and fails the release where none are."""
    endpoint = found.endpoint
    of_each = vcpus(endpoint.instance_type)
    if endpoint.kind != "components" or of_each is None:
        return
    wanted = sum(each.copies * each.cpus for each in found.each)
    there = of_each * endpoint.max_instances
    if wanted > there:
        instances = f"{endpoint.max_instances} {endpoint.instance_type}"
        yield Finding(
            "error", f"the {found.environment} endpoint of {found.whose} has {there} processors at most"
            f" ({instances}), its copies want {wanted}",
            found.where, "raise max_instances, take larger instances, or fewer cpus or copies",
        )  # fmt: skip


def _cold(tree: Tree, instances: Instances) -> Iterator[Finding]:
    """A picture waits for the parent and then for a child; both may have to start."""
    cold = [model.name for model in tree.members if model.prod.kind == "serverless"]
    if not cold:
        return
    kind = tree.parent.prod.instance_type
    # A copy of each, of one processor.
    needed = ceil(len(tree.members) / (vcpus(kind) or len(tree.members)))
    month = instances.hours(kind, HOURS * needed)
    price = (
        "a price that the table does not know" if month is None else f"about ${month:.2f} a month (assumed)"
    )
    names = "the parent and all children" if len(cold) == len(tree.members) else ", ".join(cold)
    yield Finding(
        "advice", f"the tree {tree.name} is slow after a pause: serverless are {names}; a start takes longer"
        " than the 29 seconds that API Gateway waits, so the API answers 503 with Retry-After, or the group",
        f"edgeline.toml models.{tree.name}.prod",
        f'callers ask again; or kind = "components" keeps the tree ready on {needed} {kind} for {price}',
    )  # fmt: skip
