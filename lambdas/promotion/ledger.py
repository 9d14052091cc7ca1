"""The ledger of releases: what prod has served, when, and where the record of it is.

The table's key is `model` and `promoted_at`, an ISO time stamp.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from boto3.dynamodb.conditions import Key


def enter(table: Any, release: Mapping[str, Any]) -> None:
    """Write a release down; the same again changes nothing."""
    table.put_item(Item=dict(release))


def newest_first(table: Any, model: str) -> Iterator[dict[str, Any]]:
    """Give the releases of a model."""
    request = {
        "KeyConditionExpression": Key("model").eq(model),
        "ScanIndexForward": False,
        "ConsistentRead": True,
    }
    while True:
        page = table.query(**request)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
