"""AWS::Budgets::Budget: kept and told again as it is. Nothing here costs anything: no alarm goes off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from local.cloud.plugin import Attributes, Properties, ResourceContext

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud


class BudgetType:
    """The resource type, over the calls of the Budgets API."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud

    def create(self, properties: Properties, context: ResourceContext) -> tuple[str, Attributes]:
        """Create the budget with its notifications; `Ref` gives its name."""
        budget = _as_api(properties["Budget"])
        budget.setdefault("BudgetName", context.physical_name(100))
        request: dict[str, Any] = {"AccountId": context.call.account, "Budget": budget}
        if "NotificationsWithSubscribers" in properties:
            request["NotificationsWithSubscribers"] = _as_api(properties["NotificationsWithSubscribers"])
        if "ResourceTags" in properties:
            request["ResourceTags"] = properties["ResourceTags"]
        self._client.create_budget(**request)
        return budget["BudgetName"], {}

    def update(
        self, physical_id: str, old: Properties, new: Properties, context: ResourceContext
    ) -> tuple[str, Attributes]:
        """Make the budget anew: what it has counted so far is AWS's, and here nothing."""
        self.delete(physical_id, old, context)
        return self.create(new, context)

    def delete(self, physical_id: str, properties: Properties, context: ResourceContext) -> None:
        """Delete the budget."""
        client = self._client
        try:
            client.delete_budget(AccountId=context.call.account, BudgetName=physical_id)
        except client.exceptions.NotFoundException:
            return

    @property
    def _client(self) -> Any:
        return self._cloud.root_session().client("budgets")


def _as_api(value: Any) -> Any:
    """Give a template's value as the API wants it: amounts are texts, thresholds are numbers."""
    if isinstance(value, Mapping):
        made = {name: _as_api(item) for name, item in value.items()}
        if "Amount" in made:
            made["Amount"] = str(made["Amount"])
        if "Threshold" in made:
            made["Threshold"] = float(made["Threshold"])
        return made
    return [_as_api(item) for item in value] if isinstance(value, list) else value
