"""Rounds of tasks that people answer, as the state machine sees them: opened, completed, closed, read.

Items of the labeling table, and its index `Queue` (queue, available_at):

    pk ROUND#<round>  sk ROUND          `model`, `kind`, `execution`, `classes`, `token`, `total`,
                                        `answered`, `status`; queue `rounds` until the state machine is told
    pk ROUND#<round>  sk TASK#<nnnnnn>  the image, `boxes` to verify and by whom (`labeled_by`), `lessee`,
                                        then `answer`, `answered_by`, `answered_at`; queue `label` or
                                        `verify` until it is answered, available_at the second from which
                                        the next person may have it

A round's id follows from its execution, kind and number: opening it again finds what is there. The answer
that makes `answered` equal `total` completes the task token. A closed round takes no more answers.
"""

import hashlib
import json
import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal

from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from lambdas.labeling.payloads import Deadline

Kind = Literal["label", "verify"]
LABEL: Kind = "label"
VERIFY: Kind = "verify"
ROUNDS = "rounds"
QUEUE_INDEX = "Queue"

_KEPT_SECONDS = 180 * 24 * 3600
_TOKEN_IS_SPENT = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")
_WRITERS = 16
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Round:
    """One round of an execution (its ARN) of one model; `classes` are the labels that may be given."""

    kind: Kind
    model: str
    execution: str
    number: int
    classes: tuple[str, ...]

    @property
    def id(self) -> str:
        """16 hexadecimal digits, always the same for this round."""
        subject = f"{self.execution}/{self.kind}/{self.number}"
        return hashlib.sha256(subject.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Task:
    """One picture for one person; `boxes` and `labeled_by` are what is to be verified.

    `rejected` is what an earlier round came to: {"boxes", "reason"}. `answer` is None until somebody answers.
    """

    number: int
    image_uri: str
    width: int
    height: int
    boxes: Sequence[dict[str, Any]] = ()
    labeled_by: str = ""
    rejected: dict[str, Any] | None = None
    answer: dict[str, Any] | None = None
    answered_by: str = ""
    answered_at: str = ""


class Rounds:
    """The rounds in the labeling table (a boto3 Table); `states` is a Step Functions client."""

    def __init__(self, table: Any, states: Any) -> None:
        self._table, self._states = table, states

    def open(self, opened: Round, tasks: Sequence[Task], *, token: str, deadline: Deadline) -> None:
        """Offer a round's tasks, or go on offering them with a new token; OutOfTime if there are too many.

        A round of no tasks, one that is answered already and one that was closed complete at once.
        """
        if not self._create(opened, total=len(tasks), token=token):
            self._table.update_item(
                Key=_round_key(opened.id),
                UpdateExpression="SET #token = :token, #queue = :queue",
                ExpressionAttributeNames={"#token": "token", "#queue": "queue"},
                ExpressionAttributeValues={":token": token, ":queue": ROUNDS},
            )
        there = {task.number for task in self.tasks(opened.id)}
        self._offer(opened, [task for task in tasks if task.number not in there], deadline)
        self.complete(opened.id)

    def complete(self, round_id: str) -> bool:
        """Tell the state machine if every task is answered or the round is closed; safe to repeat."""
        item = self.read(round_id)
        if item is None or (item["status"] == "open" and item["answered"] < item["total"]):
            return False
        if item.get("queue") is None:
            return True
        try:
            self._states.send_task_success(taskToken=item["token"], output=json.dumps({"round": round_id}))
        except ClientError as error:
            if error.response["Error"]["Code"] not in _TOKEN_IS_SPENT:
                raise
            # A retry of the state brings a new token; the next execution closes what has none.
            _log.warning("round %s: the state machine no longer waits: %s", round_id, error)
            return False
        self._table.update_item(
            Key=_round_key(round_id),
            UpdateExpression="REMOVE #queue",
            ConditionExpression=Attr("pk").exists(),
            ExpressionAttributeNames={"#queue": "queue"},
        )
        return True

    def close(self, round_id: str) -> None:
        """Take no more answers and withdraw what is unanswered; nothing happens if it was never opened."""
        item = self.read(round_id)
        if item is None:
            return
        self._table.update_item(
            Key=_round_key(round_id),
            UpdateExpression="SET #status = :closed REMOVE #queue",
            ConditionExpression=Attr("pk").exists(),
            ExpressionAttributeNames={"#status": "status", "#queue": "queue"},
            ExpressionAttributeValues={":closed": "closed"},
        )
        if item["answered"] < item["total"]:
            unanswered = [task.number for task in self.tasks(round_id) if task.answer is None]
            with ThreadPoolExecutor(_WRITERS) as pool:
                list(pool.map(lambda number: withdraw(self._table, round_id, number), unanswered))

    def read(self, round_id: str) -> dict[str, Any] | None:
        """The round's own item, read consistently; None if it was never opened."""
        found: dict[str, Any] | None = self._table.get_item(
            Key=_round_key(round_id), ConsistentRead=True
        ).get("Item")
        return found

    def tasks(self, round_id: str) -> Iterator[Task]:
        """The tasks of a round in their order, read consistently and page by page."""
        query: dict[str, Any] = {
            "KeyConditionExpression": Key("pk").eq(f"ROUND#{round_id}") & Key("sk").begins_with("TASK#"),
            "ConsistentRead": True,
        }
        while True:
            page = self._table.query(**query)
            yield from (task_of(item) for item in page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def untold(self) -> Iterator[dict[str, Any]]:
        """`round` (id) and `execution` of the rounds whose state machine waits, or waited when it died."""
        query: dict[str, Any] = {
            "IndexName": QUEUE_INDEX,
            "KeyConditionExpression": Key("queue").eq(ROUNDS),
        }
        while True:
            page = self._table.query(**query)
            for item in page["Items"]:
                yield {"round": item["pk"].removeprefix("ROUND#"), "execution": item["execution"]}
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _create(self, opened: Round, *, total: int, token: str) -> bool:
        now = int(time.time())
        item = {
            **_round_key(opened.id),
            "kind": opened.kind,
            "model": opened.model,
            "execution": opened.execution,
            "classes": list(opened.classes),
            "token": token,
            "total": total,
            "answered": 0,
            "status": "open",
            "queue": ROUNDS,
            "available_at": now,
            "expires": now + _KEPT_SECONDS,
        }
        return self._put_new(item)

    def _offer(self, opened: Round, tasks: Sequence[Task], deadline: Deadline) -> None:
        now = int(time.time())

        def put(task: Task) -> None:
            deadline.check(f"not all of {len(tasks)} tasks are offered yet")
            self._put_new(_task_item(opened, task, now))

        with ThreadPoolExecutor(_WRITERS) as pool:
            list(pool.map(put, tasks))

    def _put_new(self, item: dict[str, Any]) -> bool:
        client = self._table.meta.client  # clients are safe to share between threads, Tables are not
        try:
            client.put_item(
                TableName=self._table.name, Item=item, ConditionExpression="attribute_not_exists(pk)"
            )
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def withdraw(table: Any, round_id: str, number: int) -> None:
    """Offer an unanswered task to nobody any more."""
    table.meta.client.update_item(
        TableName=table.name,
        Key=task_key(round_id, number),
        UpdateExpression="REMOVE #queue",
        ExpressionAttributeNames={"#queue": "queue"},
    )


def task_key(round_id: str, number: int) -> dict[str, str]:
    """The table key of a task."""
    return {"pk": f"ROUND#{round_id}", "sk": f"TASK#{number:06d}"}


def task_of(item: dict[str, Any]) -> Task:
    """The task that an item of the table holds."""
    task = Task(
        number=int(item["sk"].removeprefix("TASK#")),
        image_uri=item["image_uri"],
        width=int(item["width"]),
        height=int(item["height"]),
        boxes=json.loads(item["boxes"]),
        labeled_by=item["labeled_by"],
        rejected=json.loads(item["rejected"]),
    )
    if "answer" not in item:
        return task
    return replace(
        task,
        answer=json.loads(item["answer"]),
        answered_by=item["answered_by"],
        answered_at=item["answered_at"],
    )


def _round_key(round_id: str) -> dict[str, str]:
    return {"pk": f"ROUND#{round_id}", "sk": "ROUND"}


def _task_item(opened: Round, task: Task, now: int) -> dict[str, Any]:
    return {
        **task_key(opened.id, task.number),
        "image_uri": task.image_uri,
        "width": task.width,
        "height": task.height,
        "boxes": json.dumps(list(task.boxes)),
        "labeled_by": task.labeled_by,
        "rejected": json.dumps(task.rejected),
        "queue": opened.kind,
        "available_at": now,
        "lessee": "",
        "expires": now + _KEPT_SECONDS,
    }
