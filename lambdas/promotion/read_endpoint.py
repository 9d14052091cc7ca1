"""Note what an endpoint serves before it is changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.common import environment
from lambdas.promotion.endpoints import serving_config
from lambdas.promotion.settings import model_settings
from lambdas.promotion.workload import workload


@dataclass(frozen=True)
class Environment:
    """The configured models, and the environments."""

    models: str
    workloads: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Read the endpoint's present config.

    In: {"model", "environment", "execution"}.
    Out: {"endpoint", "config": name | null}. Raises EndpointBusy in the middle of a change.
    """
    configured = environment.read(Environment)
    settings = model_settings(configured.models, event["model"])
    endpoint = settings.endpoints[event["environment"]].name
    there = workload(configured.workloads, event["environment"]).enter(event["execution"])
    return {"endpoint": endpoint, "config": serving_config(there.client("sagemaker"), endpoint)}
