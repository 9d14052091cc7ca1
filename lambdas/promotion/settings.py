"""What the promotion functions know of the configured models, from the environment variable MODELS."""

import json
from dataclasses import dataclass
from typing import Any


class UnknownModel(Exception):  # noqa: N818 - the name that the state machine reports
    """The package belongs to no model of edgeline.toml."""


@dataclass(frozen=True)
class EndpointSettings:
    """An endpoint's name and the one production variant behind it, but for the model."""

    name: str
    variant: dict[str, Any]
    p95_ms: int = 2000


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


def model_of_group(models: str, group: str) -> str:
    """Name the model whose packages are in this group; UnknownModel if there is none."""
    for model, found in json.loads(models).items():
        if found["group"] == group:
            return str(model)
    raise UnknownModel(f"no configured model has the model package group {group!r}")
