"""Reads of the labeling table, page by page."""

from collections.abc import Iterator
from typing import Any


def pages(table: Any, **query: Any) -> Iterator[dict[str, Any]]:
    """The pages of a `Query`; LastEvaluatedKey is followed, whatever a page has."""
    given = {"TableName": table.name, **query}
    while True:
        page = table.meta.client.query(**given)
        yield page
        if "LastEvaluatedKey" not in page:
            return
        given["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def items(table: Any, **query: Any) -> Iterator[dict[str, Any]]:
    """The items of a `Query`."""
    for page in pages(table, **query):
        yield from page["Items"]


def part(table: Any, pk: str, prefix: str = "") -> Iterator[dict[str, Any]]:
    """The items of a partition whose sort key begins so, in its order, read consistently."""
    condition, values = "pk = :pk", {":pk": pk}
    if prefix:
        condition, values = f"{condition} AND begins_with(sk, :prefix)", {**values, ":prefix": prefix}
    return items(
        table,
        KeyConditionExpression=condition,
        ExpressionAttributeValues=values,
        ConsistentRead=True,
    )


def item(table: Any, key: dict[str, str]) -> dict[str, Any] | None:
    """One item, read consistently; None if it is not there."""
    found: dict[str, Any] | None = table.meta.client.get_item(
        TableName=table.name, Key=key, ConsistentRead=True
    ).get("Item")
    return found
