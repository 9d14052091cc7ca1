"""Rounds of tasks that people answer, as the state machine sees them: opened, completed, closed, read.

How they lie in the table is in `tasks`. A round's id follows from its execution, kind and number: opening it
again finds what is there. The answer that is the last one completes the task token. A closed round takes no
more answers.
"""

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from lambdas.labeling import table_queries
from lambdas.labeling.kept_answers import Answer, Skip, answer_of, skip_of
from lambdas.labeling.payloads import Deadline
from lambdas.labeling.progress import Progress, progress_of
from lambdas.labeling.tasks import (
    CLOSED,
    LABEL,
    OPEN,
    OVER,
    QUEUE_INDEX,
    ROUNDS,
    SETTLE,
    VERIFY,
    Kind,
    Round,
    Task,
    number_of,
    round_item,
    round_key,
    task_items,
    task_key,
    task_of,
)  # fmt: skip
from lambdas.labeling.transactions import put_new, update

__all__ = ["LABEL", "SETTLE", "VERIFY", "Answer", "Kind", "Progress", "Round", "Rounds", "Skip", "Task"]

_TOKEN_IS_SPENT = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")
_WRITERS = 16
_log = logging.getLogger(__name__)


class Rounds:
    """The rounds in the labeling table (a boto3 Table); `states` is a Step Functions client."""

    def __init__(self, table: Any, states: Any) -> None:
        self._table, self._states = table, states

    def open(
        self, opened: Round, tasks: Sequence[Task], *, token: str, deadline: Deadline, closes_at: str = ""
    ) -> None:
        """Offer a round's tasks, or go on offering them with a new token; OutOfTime if there are too many.

        A round of no tasks, one that is answered already and one that was closed complete at once.
        """
        if not put_new(self._table, round_item(opened, len(tasks), token, closes_at)):
            update(
                self._table,
                round_key(opened.id),
                "SET #token = :token, #queue = :queue",
                ExpressionAttributeNames={"#token": "token", "#queue": "queue"},
                ExpressionAttributeValues={":token": token, ":queue": ROUNDS},
            )
        there = {task.number for task in self.tasks(opened.id)}
        items = list(task_items(opened.id, tasks, int(time.time())))
        # Last of all what people see: an answer opens the next task of its picture, which then is there.
        for waits in (True, False):
            of_these = [item for item in items if ("queue" not in item) == waits]
            self._each(_offered(there, deadline, self._table), of_these)
        self.complete(opened.id)

    def complete(self, round_id: str) -> bool:
        """Tell the state machine if every task is answered or the round is closed; safe to repeat."""
        item = self.read(round_id)
        if item is None:
            return False
        if item["status"] == OPEN and self.progress(round_id).answered < item["total"]:
            return False
        if item.get("queue") != ROUNDS:
            return True
        try:
            self._states.send_task_success(taskToken=item["token"], output=json.dumps({"round": round_id}))
        except ClientError as error:
            if error.response["Error"]["Code"] not in _TOKEN_IS_SPENT:
                raise
            # A retry of the state brings a new token; the next execution closes what has none.
            _log.warning("round %s: the state machine no longer waits: %s", round_id, error)
            return False
        self._leave_queue(round_id, item["token"])
        return True

    def complete_in_passing(self, round_id: str) -> None:
        """Complete for a person, whose answer is kept: what cannot be told now is no concern of theirs.

        Whoever asks for tasks next tries again; the log has the reason, for the round has to be told.
        """
        try:
            self.complete(round_id)
        except ClientError:
            _log.exception("round %s: the state machine could not be told", round_id)

    def end(self, round_id: str) -> None:
        """Hand out no more tasks and let the state machine go on with what there is; safe to repeat.

        Unknown rounds and such as are over stay as they are. The state machine closes the round.
        """
        update(
            self._table,
            round_key(round_id),
            "SET #status = :closed",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":closed": CLOSED},
        )
        self.complete(round_id)

    def close(self, round_id: str) -> None:
        """Take no more answers from now on; nothing happens if it was never opened. Safe to repeat."""
        item = update(
            self._table,
            round_key(round_id),
            "SET #status = :closed, #queue = :over",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeNames={"#status": "status", "#queue": "queue"},
            ExpressionAttributeValues={":closed": CLOSED, ":over": OVER},
        )
        if item is None or item.get("sealed"):
            return
        # An answer that has seen the round open may still be on its way: it meets the task's own mark.
        tasks = table_queries.part(self._table, f"ROUND#{round_id}", "TASK#")
        unanswered = [number_of(task) for task in tasks if "answer" not in task]
        self._each(lambda number: withdraw(self._table, round_id, number), unanswered)
        update(
            self._table,
            round_key(round_id),
            "SET sealed = :true",
            ExpressionAttributeValues={":true": True},
        )

    def read(self, round_id: str) -> dict[str, Any] | None:
        """The round's own item, read consistently; None if it was never opened."""
        return table_queries.item(self._table, round_key(round_id))

    def progress(self, round_id: str) -> Progress:
        """How far the round has come, and who has done how much of it."""
        return progress_of(self._table, round_id)

    def tasks(self, round_id: str) -> Iterator[Task]:
        """The tasks of a round in their order, read consistently and page by page."""
        return map(task_of, table_queries.part(self._table, f"ROUND#{round_id}", "TASK#"))

    def answers(self, round_id: str) -> Iterator[Answer]:
        """Every answer of a round by the number of its image, read consistently and page by page."""
        return map(answer_of, table_queries.part(self._table, f"ROUND#{round_id}", "ANSWER#"))

    def skips(self, round_id: str) -> Iterator[Skip]:
        """What people did not want to answer, by the number of the task."""
        return map(skip_of, table_queries.part(self._table, f"ROUND#{round_id}", "SKIP#"))

    def untold(self) -> Iterator[dict[str, Any]]:
        """`round` (id) and `execution` of the rounds whose state machine waits, or waited when it died."""
        for item in self._listed(ROUNDS):
            yield {"round": item["pk"].removeprefix("ROUND#"), "execution": item["execution"]}

    def recent(self, limit: int) -> list[dict[str, Any]]:
        """The items of the rounds that are open and then of those that are over, each newest first.

        Rounds of before there was a page do not say when they were opened, and are left out.
        """
        found: list[dict[str, Any]] = []
        for queue in (ROUNDS, OVER):
            for listed in self._listed(queue, ScanIndexForward=False, Limit=limit):
                if len(found) == limit:
                    break
                item = self.read(listed["pk"].removeprefix("ROUND#"))
                found += [] if item is None or "opened_at" not in item else [item]
        return found

    def _listed(self, queue: str, **query: Any) -> Iterator[dict[str, Any]]:
        return table_queries.items(
            self._table,
            IndexName=QUEUE_INDEX,
            KeyConditionExpression="#queue = :queue",
            ExpressionAttributeNames={"#queue": "queue"},
            ExpressionAttributeValues={":queue": queue},
            **query,
        )

    def _leave_queue(self, round_id: str, token: str) -> None:
        update(
            self._table,
            round_key(round_id),
            "SET #queue = :over",
            ConditionExpression="#token = :token",  # with a new one it has to be told again
            ExpressionAttributeNames={"#queue": "queue", "#token": "token"},
            ExpressionAttributeValues={":over": OVER, ":token": token},
        )

    def _each(self, write: Callable[[Any], object], subjects: Iterable[Any]) -> None:
        with ThreadPoolExecutor(_WRITERS) as pool:
            list(pool.map(write, subjects))


def withdraw(table: Any, round_id: str, number: int) -> None:
    """Take no answer to a task any more, unless it has one."""
    update(
        table,
        task_key(round_id, number),
        "SET withdrawn = :true REMOVE #queue",
        ConditionExpression="attribute_exists(pk) AND attribute_not_exists(answer)",
        ExpressionAttributeNames={"#queue": "queue"},
        ExpressionAttributeValues={":true": True},
    )


def _offered(there: set[int], deadline: Deadline, table: Any) -> Callable[[dict[str, Any]], None]:
    def offer(item: dict[str, Any]) -> None:
        deadline.check("not all tasks are offered yet")
        if number_of(item) not in there:
            put_new(table, item)

    return offer
