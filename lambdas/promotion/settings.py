"""What the promotion functions know of the configured models, by the environment variable MODELS.

Its value is JSON, or the name of the file beside this one that holds it: Lambda takes 4096 bytes of
environment, which a tree of models is more than.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class UnknownModel(Exception):  # noqa: N818 - the name that the state machine reports
    """The package belongs to no model of edgeline.toml."""


@dataclass(frozen=True)
class EndpointSettings:
    """An endpoint as configured.

    `variant` is the one production variant behind it, but for the model. `component`, where its kind is
    components, says of each copy {"cpus", "memory_mb"} and {"copies"} at first. `scaling` is {"min", "max",
    "target": requests a minute for each}, None where the number is fixed. `watched`: whether alarms guard it.
    `component_name` is the inference component that answers behind the endpoint, where its kind is
    components: by default of the endpoint's name; the members of a tree share an endpoint.
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
    component_name: str | None = None

    def __post_init__(self) -> None:
        """Name the component of an endpoint that has one after it, where nothing else is said."""
        if self.kind == "components" and self.component_name is None:
            object.__setattr__(self, "component_name", self.name)

    @property
    def own_name(self) -> str:
        """What is the model's own here: its component, or else the endpoint. Alarms are named after it."""
        return self.component_name or self.name


@dataclass(frozen=True)
class Tree:
    """A parent and its children, by the names of their models; they are released so that they always fit."""

    parent: str
    children: tuple[str, ...]

    @property
    def members(self) -> tuple[str, ...]:
        """All of them in the order of a release: who is routed to before who routes."""
        return (*self.children, self.parent)


@dataclass(frozen=True)
class ModelSettings:
    """One model: its package group, its two endpoints and the rules of its staging test.

    `classes` is what it may answer. `tree` is the one that it is of; None for a model that stands alone.
    """

    group: str
    classes: tuple[str, ...]
    tolerance: float
    test_instance: str
    endpoints: dict[str, EndpointSettings]
    task: str = "detection"
    tree: Tree | None = None


def model_settings(models: str, model: str) -> ModelSettings:
    """Read one model's settings; UnknownModel if it is not there."""
    configured = _configured(models)
    if model not in configured:
        raise UnknownModel(f"{model!r} is not one of the configured models: {', '.join(sorted(configured))}")
    found = configured[model]
    return ModelSettings(
        group=found["group"],
        classes=tuple(found["classes"]),
        tolerance=found["tolerance"],
        test_instance=found["test_instance"],
        endpoints={name: EndpointSettings(**endpoint) for name, endpoint in found["endpoints"].items()},
        task=found.get("task", "detection"),
        tree=_tree(found.get("tree")),
    )


def _configured(models: str) -> dict[str, Any]:
    text = models if models.startswith("{") else Path(__file__).with_name(models).read_text(encoding="utf-8")
    return dict(json.loads(text))


def _tree(found: Mapping[str, Any] | None) -> Tree | None:
    return Tree(found["parent"], tuple(found["children"])) if found else None


def tree_if_any(models: str, model: str) -> Tree | None:
    """Give the tree that a model is of; None for one that stands alone, or is not configured any more."""
    return _tree(_configured(models).get(model, {}).get("tree"))


def tree_of(models: str, model: str) -> Tree:
    """Give the tree that a model is of; UnknownModel where it stands alone."""
    tree = tree_if_any(models, model)
    if tree is None:
        raise UnknownModel(f"{model!r} has neither parent nor children in edgeline.toml any more")
    return tree


def endpoint_settings(models: str, environment: str, own_name: str) -> EndpointSettings:
    """Find the settings of a model's endpoint, or component, by its name; UnknownModel if no model has it."""
    for found in _configured(models).values():
        settings = EndpointSettings(**found["endpoints"][environment])
        if settings.own_name == own_name:
            return settings
    raise UnknownModel(f"no configured model has the {environment} endpoint {own_name!r}")


def model_of_group(models: str, group: str) -> str:
    """Name the model whose packages are in this group; UnknownModel if there is none."""
    for model, found in _configured(models).items():
        if found["group"] == group:
            return str(model)
    raise UnknownModel(f"no configured model has the model package group {group!r}")


def sharing(models: str, environment: str, settings: EndpointSettings) -> list[str]:
    """Name the other components that are configured behind the same endpoint."""
    there = (EndpointSettings(**found["endpoints"][environment]) for found in _configured(models).values())
    names = [other.component_name for other in there if other.name == settings.name]
    return [name for name in names if name is not None and name != settings.component_name]
