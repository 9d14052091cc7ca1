"""Members of trees that were approved and wait for others: which package exactly, one of each model.

They are in the ledger's table, under `held of <parent>` and the member's own name.
"""

from collections.abc import Mapping
from typing import Any

from boto3.dynamodb.conditions import Key

_APPROVAL = ("model_package_arn", "digest", "approved_at", "approved_by", "event_id")


def hold(table: Any, tree: str, approval: Mapping[str, Any]) -> None:
    """Remember an approval; a later one of the same model takes the place of an earlier one."""
    place = {"model": _line(tree), "promoted_at": approval["model"]}
    approved = {"member": approval["model"], **{name: approval[name] for name in _APPROVAL}}
    try:
        table.put_item(
            Item={**place, **approved},
            ConditionExpression="attribute_not_exists(approved_at) OR approved_at <= :at",
            ExpressionAttributeValues={":at": approval["approved_at"]},
        )
    except table.meta.client.exceptions.ConditionalCheckFailedException:
        return


def let_go(table: Any, tree: str, model: str, package: str) -> None:
    """Forget a held package; another one of this model stays."""
    try:
        table.delete_item(
            Key={"model": _line(tree), "promoted_at": model},
            ConditionExpression="model_package_arn = :package",
            ExpressionAttributeValues={":package": package},
        )
    except table.meta.client.exceptions.ConditionalCheckFailedException:
        return


def held(table: Any, tree: str) -> dict[str, dict[str, Any]]:
    """Give the approvals that wait, by their models, as `hold` was given them."""
    found = table.query(KeyConditionExpression=Key("model").eq(_line(tree)), ConsistentRead=True)["Items"]
    return {
        item["member"]: {**{name: item[name] for name in _APPROVAL}, "model": item["member"]}
        for item in found
    }


def _line(tree: str) -> str:
    # No model's name has a space in it.
    return f"held of {tree}"
