"""Note what all endpoints of a tree serve, before any of them is changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.common import environment
from lambdas.promotion.read_endpoint import endpoint_state
from lambdas.promotion.settings import model_settings, tree_of
from lambdas.promotion.workload import workload


@dataclass(frozen=True)
class Environment:
    """The configured models, and the environments."""

    models: str
    workloads: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Read what each member serves at present, in both environments.

    In: {"model": one of the tree, "execution"}.
    Out: {"staging": {model: as read_endpoint gives it}, "prod": the same}. Raises EndpointBusy in the middle
    of a change.
    """
    configured = environment.read(Environment)
    tree = tree_of(configured.models, event["model"])
    found: dict[str, Any] = {}
    for place in ("staging", "prod"):
        there = workload(configured.workloads, place).enter(event["execution"]).client("sagemaker")
        found[place] = {
            member: endpoint_state(there, model_settings(configured.models, member).endpoints[place])
            for member in tree.members
        }
    return found
