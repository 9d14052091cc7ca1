"""The tasks as people see them: claimed for ten minutes, answered once, by somebody who may."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from boto3.dynamodb.conditions import Attr, ConditionBase, Key

from lambdas.labeling.answers import BadAnswer, checked
from lambdas.labeling.rounds import QUEUE_INDEX, VERIFY, Kind, Rounds, Task, task_key, task_of, withdraw
from lambdas.labeling.transactions import transact

LEASE_SECONDS = 600
_ATTEMPTS = 5


class Refused(Exception):  # noqa: N818 - what the API answers
    """A request that is not carried out; `status` is its HTTP status, the text is for the person."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Claimed:
    """A task that the caller holds, and what it takes to answer it."""

    task_id: str
    kind: Kind
    classes: tuple[str, ...]
    task: Task


class TaskQueue:
    """The open tasks in the labeling table, for one person (`who`, an IAM principal's ARN)."""

    def __init__(self, table: Any, rounds: Rounds, who: str) -> None:
        self._table, self._rounds, self._who = table, rounds, who

    def claim(self, kind: Kind, limit: int) -> list[Claimed]:
        """Hold up to `limit` tasks for ten minutes: first those the caller holds already, then free ones.

        Asking again is harmless. Where less than `limit` is left, rounds that are answered are completed:
        so an answer that was kept while the state machine was not told is made up for here.
        """
        claimed: list[Claimed] = []
        open_rounds: dict[str, dict[str, Any] | None] = {}
        for item in self._candidates(kind):
            if len(claimed) == limit:
                return claimed
            round_id, number = _split(item)
            if round_id not in open_rounds:
                open_rounds[round_id] = self._open_round(round_id)
            found = open_rounds[round_id]
            if found is None:
                withdraw(self._table, round_id, number)
            elif (task := self._lease(kind, item)) is not None:
                claimed.append(Claimed(f"{round_id}-{number}", kind, tuple(found["classes"]), task))
        if len(claimed) < limit:
            for untold in self._rounds.untold():
                self._rounds.complete(untold["round"])
        return claimed

    def answer(self, task_id: str, body: Any) -> None:
        """Keep an answer, then tell the state machine if it was the round's last one.

        Refused: 404 for an unknown task, 403 for one that the caller does not hold, 409 where it has another
        answer or the round is over, 400 for an answer that is wrong. The same answer again is accepted.
        """
        round_id, number = _parse(task_id)
        for _ in range(_ATTEMPTS):
            item, found = self._read(round_id, number), self._rounds.read(round_id)
            if item is None or found is None:
                raise Refused(404, f"there is no task {task_id}")
            answer = self._decide(item, found, body)
            if answer is None or self._keep(round_id, number, answer, found["kind"]):
                self._rounds.complete(round_id)
                return
        raise Refused(409, f"task {task_id} keeps changing; claim tasks again")

    def _candidates(self, kind: Kind) -> Iterator[dict[str, Any]]:
        now = int(time.time())
        held = Key("available_at").gt(now), Attr("lessee").eq(self._who)
        free = Key("available_at").lte(now), Attr("lessee").exists()
        for available, condition in (held, free):
            allowed = condition & Attr("labeled_by").ne(self._who) if kind == VERIFY else condition
            yield from self._query(Key("queue").eq(kind) & available, allowed)

    def _query(self, keys: ConditionBase, condition: ConditionBase) -> Iterator[dict[str, Any]]:
        query: dict[str, Any] = {
            "IndexName": QUEUE_INDEX,
            "KeyConditionExpression": keys,
            "FilterExpression": condition,
        }
        while True:
            page = self._table.query(**query)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _open_round(self, round_id: str) -> dict[str, Any] | None:
        found = self._rounds.read(round_id)
        return found if found is not None and found["status"] == "open" else None

    def _lease(self, kind: Kind, item: dict[str, Any]) -> Task | None:
        """Hold a task, unless it has been answered or claimed since the index was read."""
        condition = Attr("queue").eq(kind) & Attr("available_at").eq(item["available_at"])
        if kind == VERIFY:
            condition = condition & Attr("labeled_by").ne(self._who)
        try:
            updated = self._table.update_item(
                Key={"pk": item["pk"], "sk": item["sk"]},
                UpdateExpression="SET lessee = :me, available_at = :until",
                ConditionExpression=condition,
                ExpressionAttributeValues={":me": self._who, ":until": int(time.time()) + LEASE_SECONDS},
                ReturnValues="ALL_NEW",
            )
        except self._table.meta.client.exceptions.ConditionalCheckFailedException:
            return None
        return task_of(updated["Attributes"])

    def _read(self, round_id: str, number: int) -> dict[str, Any] | None:
        key = task_key(round_id, number)
        found: dict[str, Any] | None = self._table.get_item(Key=key, ConsistentRead=True).get("Item")
        return found

    def _decide(self, item: dict[str, Any], found: dict[str, Any], body: Any) -> dict[str, Any] | None:
        """The answer to keep; None if this very answer is kept already; Refused otherwise."""
        task = task_of(item)
        if task.answer is None and item["lessee"] != self._who:
            raise Refused(403, "this task is not yours, or no longer: claim tasks again")
        try:
            answer = checked(
                body,
                kind=found["kind"],
                width=task.width,
                height=task.height,
                classes=tuple(found["classes"]),
            )
        except BadAnswer as error:
            raise Refused(400, str(error)) from None
        if task.answer is not None:
            if (task.answer, task.answered_by) == (answer, self._who):
                return None
            raise Refused(409, "this task has been answered already")
        if found["status"] != "open":
            raise Refused(409, "the round is over: nothing more is asked about this picture")
        return answer

    def _keep(self, round_id: str, number: int, answer: dict[str, Any], kind: Kind) -> bool:
        """Write the answer and count it; False if the task or its round has changed in between."""
        condition = "lessee = :me AND attribute_not_exists(answer)"
        if kind == VERIFY:
            condition += " AND labeled_by <> :me"
        write_answer = {
            "TableName": self._table.name,
            "Key": task_key(round_id, number),
            "UpdateExpression": "SET answer = :answer, answered_by = :me, answered_at = :now REMOVE #queue",
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#queue": "queue"},
            "ExpressionAttributeValues": {
                ":answer": json.dumps(answer),
                ":me": self._who,
                ":now": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
        }
        count = {
            "TableName": self._table.name,
            "Key": {"pk": f"ROUND#{round_id}", "sk": "ROUND"},
            "UpdateExpression": "ADD answered :one",
            "ConditionExpression": "#status = :open",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":one": 1, ":open": "open"},
        }
        return transact(self._table, {"Update": write_answer}, {"Update": count})


def _split(item: dict[str, Any]) -> tuple[str, int]:
    return item["pk"].removeprefix("ROUND#"), int(item["sk"].removeprefix("TASK#"))


def _parse(task_id: str) -> tuple[str, int]:
    round_id, _, number = task_id.partition("-")
    if not round_id.isalnum() or not number.isdecimal() or len(task_id) > 40:
        raise Refused(404, f"there is no task {task_id[:40]}")
    return round_id, int(number)
