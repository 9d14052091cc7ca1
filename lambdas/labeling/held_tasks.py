"""What somebody may do with a task that they hold: keep a draft, answer it, skip it, give it back.

A task stays with its holder after the lease until somebody else claims it: who is slow loses nothing.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lambdas.common.proxied import Refused
from lambdas.labeling import table_queries
from lambdas.labeling.answers import BadAnswer, Given, drawn, given_of
from lambdas.labeling.endings import HELD, Ending, Write
from lambdas.labeling.kept_answers import skip_key, skip_of
from lambdas.labeling.people import People
from lambdas.labeling.rounds import Rounds
from lambdas.labeling.task_queue import LEASE_SECONDS, Claimed
from lambdas.labeling.tasks import NOBODY, OPEN, SETTLE, free_place, task_key
from lambdas.labeling.transactions import transact, update

MOST_SKIPS = 3
_ATTEMPTS = 5


@dataclass(frozen=True)
class Found:
    """A task and its round as they are in the table; `round` is the round's item, `task` its own."""

    task_id: str
    round_id: str
    number: int
    round: dict[str, Any]
    task: dict[str, Any]


class HeldTasks:
    """The tasks of the labeling table for one person, `who`."""

    def __init__(self, table: Any, rounds: Rounds, people: People, who: str) -> None:
        self._table, self._rounds, self._people, self._who = table, rounds, people, who

    def keep_draft(self, task_id: str, boxes: Any, sequence: int) -> dict[str, Any]:
        """Keep what is drawn so far and hold the task for ten more minutes.

        A draft that is older than the kept one, by its sequence, changes nothing. Refused: 404 for an unknown
        task, 400 for boxes that no answer may have, 403 for a task that is somebody else's by now, 409 for
        one that is answered or whose round is over.
        """
        found = self._find(task_id)
        self._require_open(found)
        with _refusing():
            checked = drawn(boxes, **_picture(found))
        kept = update(
            self._table,
            task_key(found.round_id, found.number),
            "SET draft = :boxes, drafted_by = :me, draft_sequence = :sequence, draft_at = :now,"
            " available_at = :until",
            ConditionExpression=f"{HELD} AND NOT (drafted_by = :me AND draft_sequence > :sequence)",
            ExpressionAttributeValues={
                ":boxes": json.dumps(checked),
                ":me": self._who,
                ":sequence": sequence,
                ":now": _now(),
                ":until": int(time.time()) + LEASE_SECONDS,
            },
        )
        if kept is not None:
            return draft_kept(kept)
        found = self._find(task_id)
        self._require_open(found)
        return {**draft_kept(found.task), "stale": True}

    def answer(self, task_id: str, body: Mapping[str, Any]) -> None:
        """Keep an answer, then tell the state machine if it was the round's last one.

        Refused as `keep_draft`; 409 also for another answer than the one that is kept. The same answer again,
        or another under the same `answer_id`, is accepted and changes nothing.
        """
        for found in self._looks(task_id):
            self._require_mine(found)
            with _refusing():
                given = given_of(body, kind=found.round["kind"], **_picture(found))
            if self._is_kept(found.task, given) or self._made(found, self._ending(found).answered(given)):
                self._rounds.complete_in_passing(found.round_id)
                return

    def skip(self, task_id: str, reason: str) -> None:
        """Leave the task to others for good; once three or all have skipped it, nobody answers it.

        Accepted again from who has skipped it; otherwise refused as `keep_draft`.
        """
        for found in self._looks(task_id):
            key = skip_key(found.round_id, found.number, self._who)
            is_kept = table_queries.item(self._table, key) is not None
            if is_kept or self._made(found, self._skipped(found, reason)):
                self._rounds.complete_in_passing(found.round_id)
                return

    def release(self, task_id: str) -> None:
        """Give the task back at once, with its draft; refused as `keep_draft`, unless nobody holds it."""
        found = self._find(task_id)
        if found.task["lessee"] == NOBODY:
            return
        self._require_open(found)
        update(
            self._table,
            task_key(found.round_id, found.number),
            "SET lessee = :nobody, available_at = :place",
            ConditionExpression=HELD,
            ExpressionAttributeValues={":me": self._who, ":nobody": NOBODY, ":place": free_place()},
        )

    def set_aside(self, claimed: Claimed) -> None:
        """Answer in nobody's name a task of the caller whose picture is gone."""
        found = Found(claimed.task_id, claimed.round_id, claimed.task.number, claimed.round, claimed.item)
        if self._made(found, self._ending(found).gone()):
            self._rounds.complete_in_passing(found.round_id)

    def _looks(self, task_id: str) -> Iterator[Found]:
        """The task as it is, again and again while others change it."""
        for _ in range(_ATTEMPTS):
            yield self._find(task_id)
        raise Refused(409, f"task {task_id} keeps changing: take the next one")

    def _find(self, task_id: str) -> Found:
        round_id, _, number = task_id.partition("-")
        known = len(task_id) <= 40 and round_id.isalnum() and number.isascii() and number.isdecimal()
        task = table_queries.item(self._table, task_key(round_id, int(number))) if known else None
        of_round = self._rounds.read(round_id) if task is not None else None
        if task is None or of_round is None:
            raise Refused(404, f"there is no task {task_id[:40]}")
        return Found(task_id, round_id, int(number), of_round, task)

    def _require_mine(self, found: Found) -> None:
        if found.task["lessee"] != self._who:
            raise Refused(403, "this task is not yours, or no longer: take the next one")

    def _require_open(self, found: Found) -> None:
        self._require_mine(found)
        if "answer" in found.task:
            raise Refused(409, "this task has been answered already")
        if found.round["status"] != OPEN or "withdrawn" in found.task:
            raise Refused(409, "the round is over: nothing more is asked about this picture")

    def _is_kept(self, task: Mapping[str, Any], given: Given) -> bool:
        """Whether this very answer is kept already, perhaps by a request whose reply was lost."""
        if task.get("answered_by", NOBODY) != self._who:
            return False
        same_id = bool(given.answer_id) and task.get("answer_id") == given.answer_id
        return same_id or json.loads(task["answer"]) == given.answer

    def _ending(self, found: Found) -> Ending:
        return Ending(self._table, found.round_id, found.round, found.task, self._who, _now())

    def _made(self, found: Found, writes: list[Write]) -> bool:
        """Make the writes of an ending; False if the task has changed since it was found."""
        self._require_open(found)
        return transact(self._table, *writes)

    def _skipped(self, found: Found, reason: str) -> list[Write]:
        skips = table_queries.part(self._table, f"ROUND#{found.round_id}", f"SKIP#{found.number:06d}#")
        earlier = [skip_of(item) for item in skips]
        hands = {*found.task.get("labeled_by", ()), self._who}
        # A supervisor has the last word: nobody is asked after them.
        by_all = len(earlier) + 1 >= MOST_SKIPS or self._people.annotators() <= hands
        if by_all and found.round["kind"] != SETTLE:
            return self._ending(found).skipped_by_all(earlier, reason, self._waiting(found))
        return self._ending(found).passed_on(reason)

    def _waiting(self, found: Found) -> list[int]:
        """The numbers of the tasks of the same picture that come after this one."""
        numbers: list[int] = []
        task: dict[str, Any] | None = found.task
        while task is not None and "next" in task:
            numbers.append(int(task["next"]))
            task = table_queries.item(self._table, task_key(found.round_id, numbers[-1]))
        return numbers


def draft_kept(task: Mapping[str, Any]) -> dict[str, Any]:
    """When a task's draft was kept, and until when the task is held."""
    return {"saved_at": task["draft_at"], "leased_until": in_iso(int(task["available_at"]))}


def in_iso(second: int) -> str:
    """A second as the API writes times."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _now() -> str:
    return in_iso(int(time.time()))


def _picture(found: Found) -> dict[str, Any]:
    task, classes = found.task, tuple(found.round["classes"])
    return {"width": int(task["width"]), "height": int(task["height"]), "classes": classes}


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except BadAnswer as error:
        raise Refused(400, str(error)) from None
