"""CloudFormation types of the plugins, in the form that the emulator calls them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.cloud.call import Call
from local.cloud.plugin import ResourceContext, ResourceType


def handlers(types: Mapping[str, ResourceType], deployer: Call) -> dict[str, dict[str, Any]]:
    """Return the handlers of `types`; `deployer` is the principal that the deployment runs as.

    A type that nobody registers is refused by the emulator when it reads the template, by name.
    """
    return {name: _handler(kind, deployer) for name, kind in types.items()}


def _handler(kind: ResourceType, deployer: Call) -> dict[str, Any]:
    def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
        return kind.create(properties, ResourceContext(deployer, stack_name, logical_id))

    def update(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str, logical_id: str
    ) -> tuple[str, dict[str, Any]]:
        return kind.update(physical_id, old, new, ResourceContext(deployer, stack_name, logical_id))

    def delete(physical_id: str, properties: dict[str, Any], logical_id: str | None) -> None:
        kind.delete(physical_id, properties, ResourceContext(deployer, "", logical_id or ""))

    return {
        "create": create,
        "update": update,
        "update_with_logical_id": True,
        "delete": delete,
        "delete_with_logical_id": True,
    }
