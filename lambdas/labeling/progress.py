"""How far a round has come, counted by each person for themselves: so many who answer at once do not meet."""

from dataclasses import dataclass
from typing import Any

from lambdas.labeling.table_queries import part


@dataclass(frozen=True)
class Progress:
    """How many tasks of a round are answered; `by` has for each person `answered` and `skipped`."""

    answered: int
    by: dict[str, dict[str, int]]


def progress_of(table: Any, round_id: str) -> Progress:
    """Read how far a round has come; who has just answered finds their answer counted."""
    by = {}
    for item in part(table, f"PROGRESS#{round_id}"):
        by[item["sk"].removeprefix("BY#")] = {
            name: int(item.get(name, 0)) for name in ("answered", "skipped")
        }
    return Progress(sum(counts["answered"] for counts in by.values()), by)


def counted(table: Any, round_id: str, who: str, added: dict[str, int], expires: int) -> dict[str, Any]:
    """The write of a transaction that adds to somebody's `answered` or `skipped`, one of them."""
    [(name, times)] = added.items()
    return {
        "Update": {
            "TableName": table.name,
            "Key": {"pk": f"PROGRESS#{round_id}", "sk": f"BY#{who}"},
            "UpdateExpression": "SET expires = :expires ADD #name :times",
            "ExpressionAttributeNames": {"#name": name},
            "ExpressionAttributeValues": {":times": times, ":expires": expires},
        }
    }
