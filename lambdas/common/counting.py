"""Counts items of a DynamoDB table no further than anybody wants to know."""

from typing import Any


def count_up_to(table: Any, limit: int, **query: Any) -> int:
    """How many items a `Query` on a boto3 Table finds, or `limit` if there are more: no more are read."""
    counted = 0
    while counted < limit:
        page = table.query(Select="COUNT", Limit=limit - counted, **query)
        counted += page["Count"]
        if "LastEvaluatedKey" not in page:
            break
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    return counted
