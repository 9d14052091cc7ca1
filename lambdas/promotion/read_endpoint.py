"""Note what an endpoint serves before it is changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.common import environment
from lambdas.promotion.kinds import serving
from lambdas.promotion.model_and_config import package_of
from lambdas.promotion.settings import EndpointSettings, model_settings
from lambdas.promotion.workload import workload


@dataclass(frozen=True)
class Environment:
    """The configured models, and the environments."""

    models: str
    workloads: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Read what the endpoint serves at present; null where there is nothing.

    In: {"model", "environment", "execution"}.
    Out: {"endpoint", "own_name": its component's or its, "kind", "config", "model_name", "model_package":
    arn, "component": if there is one}.
    Raises EndpointBusy in the middle of a change.
    """
    configured = environment.read(Environment)
    settings = model_settings(configured.models, event["model"])
    there = workload(configured.workloads, event["environment"]).enter(event["execution"])
    return endpoint_state(there.client("sagemaker"), settings.endpoints[event["environment"]])


def endpoint_state(sagemaker: Any, own: EndpointSettings) -> dict[str, Any]:
    """Read what an endpoint serves, or what the model's component of it does; EndpointBusy."""
    found = serving(sagemaker, own.name, own.component_name)
    return {
        "endpoint": own.name,
        "own_name": own.own_name,
        "kind": found.kind,
        "config": found.config,
        "model_name": found.model,
        "model_package": package_of(sagemaker, found.model),
        "component": found.component,
    }
