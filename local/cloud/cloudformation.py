"""CloudFormation types of the plugins, in the form that the emulator calls them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.cloud.call import Call
from local.cloud.plugin import ResourceContext, ResourceType


@dataclass(frozen=True)
class AccountTypes:
    """The resource types of one account, and the principal that its deployments run as."""

    types: Mapping[str, ResourceType]
    deployer: Call


def handlers(
    accounts: Mapping[str, AccountTypes], stacks_account: Callable[[], str]
) -> dict[str, dict[str, Any]]:
    """Return the handlers of all types; each acts in `stacks_account()`, that of the stack being deployed.

    A type that nobody registers is refused by the emulator when it reads the template, by name.
    """
    names = {name for account in accounts.values() for name in account.types}
    return {name: _handler(name, lambda: accounts[stacks_account()]) for name in sorted(names)}


def _handler(name: str, here: Callable[[], AccountTypes]) -> dict[str, Any]:
    def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
        context = ResourceContext(here().deployer, stack_name, logical_id)
        return here().types[name].create(properties, context)

    def update(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str, logical_id: str
    ) -> tuple[str, dict[str, Any]]:
        context = ResourceContext(here().deployer, stack_name, logical_id)
        return here().types[name].update(physical_id, old, new, context)

    def delete(physical_id: str, properties: dict[str, Any], logical_id: str | None) -> None:
        context = ResourceContext(here().deployer, "", logical_id or "")
        here().types[name].delete(physical_id, properties, context)

    return {
        "create": create,
        "update": update,
        "update_with_logical_id": True,
        "delete": delete,
        "delete_with_logical_id": True,
    }
