"""What the promotion functions know of the configured models, from the environment variable MODELS."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class UnknownModel(Exception):  # noqa: N818 - the name that the state machine reports
    """The package belongs to no model of edgeline.toml."""


@dataclass(frozen=True)
class EndpointSettings:
    """An endpoint as configured.

    `variant` is the one production variant behind it, but for the model. `component`, where its kind is
    components, says of each copy {"cpus", "memory_mb"} and {"copies"} at first. `scaling` is {"min", "max",
    "target": requests a minute for each}, None where the number is fixed. `watched`: whether alarms guard it.
    """

    name: str
    variant: dict[str, Any]
    kind: str = "serverless"
    p95_ms: int = 2000
    error_percent: float = 1.0
    drift: float = 0.25
    watched: bool = False
    bake_seconds: int = 0
    canary_percent: int = 10
    component: Mapping[str, Any] = field(default_factory=dict)
    scaling: Mapping[str, Any] | None = None

    @property
    def component_name(self) -> str | None:
        """The inference component that answers behind the endpoint, where its kind is components."""
        return self.name if self.kind == "components" else None


@dataclass(frozen=True)
class ModelSettings:
    """One model: its package group, its two endpoints and the rules of its staging test."""

    group: str
    classes: tuple[str, ...]
    tolerance: float
    test_instance: str
    endpoints: dict[str, EndpointSettings]


def model_settings(models: str, model: str) -> ModelSettings:
    """Read one model's settings from the JSON of MODELS; UnknownModel if it is not there."""
    configured = json.loads(models)
    if model not in configured:
        raise UnknownModel(f"{model!r} is not one of the configured models: {', '.join(sorted(configured))}")
    found = configured[model]
    return ModelSettings(
        group=found["group"],
        classes=tuple(found["classes"]),
        tolerance=found["tolerance"],
        test_instance=found["test_instance"],
        endpoints={name: EndpointSettings(**endpoint) for name, endpoint in found["endpoints"].items()},
    )


def endpoint_settings(models: str, environment: str, endpoint: str) -> EndpointSettings:
    """Find the settings of an environment's endpoint by its name; UnknownModel if no model has it."""
    for found in json.loads(models).values():
        if found["endpoints"][environment]["name"] == endpoint:
            return EndpointSettings(**found["endpoints"][environment])
    raise UnknownModel(f"no configured model has the {environment} endpoint {endpoint!r}")


def model_of_group(models: str, group: str) -> str:
    """Name the model whose packages are in this group; UnknownModel if there is none."""
    for model, found in json.loads(models).items():
        if found["group"] == group:
            return str(model)
    raise UnknownModel(f"no configured model has the model package group {group!r}")
