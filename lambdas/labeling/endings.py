"""The writes by which a task ends, all or none: the task, the answer kept, the count, the next task."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.labeling.answers import Given
from lambdas.labeling.kept_answers import Skip, answer_key, skip_key
from lambdas.labeling.progress import counted
from lambdas.labeling.tasks import KEPT_SECONDS, NOBODY, free_place, number_of, queue_of, task_key

GONE = "the picture is gone"
# A task that is withdrawn meanwhile, or claimed by somebody else, is not theirs to end.
HELD = "lessee = :me AND attribute_not_exists(answer) AND attribute_not_exists(withdrawn)"
_WAITS = "attribute_exists(pk) AND attribute_not_exists(answer) AND attribute_not_exists(withdrawn)"
_NO_DRAFT = "draft, drafted_by, draft_sequence, draft_at"

Write = dict[str, Any]


@dataclass(frozen=True)
class Ending:
    """The end of a task, `item`, that `who` holds, at the time `at`; `round` is the round's item."""

    table: Any
    round_id: str
    round: Mapping[str, Any]
    item: Mapping[str, Any]
    who: str
    at: str

    def answered(self, given: Given) -> list[Write]:
        """The holder's answer; the next task of the picture is for somebody else."""
        return [
            self._ended(given.answer, self.who, {":seconds": given.seconds, ":id": given.answer_id}),
            self._kept(given, self.who),
            self._counted(self.who, "answered"),
            *self._next_opened({*self._hands, self.who}),
        ]

    def gone(self) -> list[Write]:
        """Nobody's answer, for there is nothing to see; the next task of the picture comes to the same."""
        given = Given({"unusable": GONE})
        return [
            self._ended(given.answer, NOBODY),
            self._kept(given, NOBODY),
            self._counted(NOBODY, "answered"),
            *self._next_opened(self._hands),
        ]

    def passed_on(self, reason: str) -> list[Write]:
        """The holder skips it, and never gets it again; others may have it at once."""
        back = self._update(
            number_of(self.item),
            "SET lessee = :nobody, available_at = :place ADD labeled_by :hands REMOVE " + _NO_DRAFT,
            HELD,
            {":me": self.who, ":nobody": NOBODY, ":place": free_place(), ":hands": {self.who}},
        )
        return [back, self._skip(reason), self._counted(self.who, "skipped")]

    def skipped_by_all(self, earlier: Sequence[Skip], reason: str, waiting: Sequence[int]) -> list[Write]:
        """Nobody's answer, and none to the tasks of the picture, `waiting`, that are open to nobody yet."""
        said = [{"by": skip.who, "at": skip.at, "reason": skip.reason} for skip in earlier]
        answer = {"skipped": [*said, {"by": self.who, "at": self.at, "reason": reason}]}
        return [
            self._ended(answer, NOBODY),
            *(self._answer(number, _WAITS, answer, NOBODY, {}) for number in waiting),
            self._skip(reason),
            self._counted(self.who, "skipped"),
            self._counted(NOBODY, "answered", 1 + len(waiting)),
        ]

    @property
    def _hands(self) -> set[str]:
        return set(self.item.get("labeled_by", ()))

    def _ended(self, answer: dict[str, Any], by: str, beside: Mapping[str, Any] | None = None) -> Write:
        values = {":me": self.who, **(beside or {})}
        return self._answer(number_of(self.item), HELD, answer, by, values)

    def _answer(
        self, number: int, condition: str, answer: dict[str, Any], by: str, values: Mapping[str, Any]
    ) -> Write:
        beside = ", seconds = :seconds, answer_id = :id" if ":id" in values else ""
        return self._update(
            number,
            f"SET answer = :answer, answered_by = :by, answered_at = :at{beside} REMOVE #queue, {_NO_DRAFT}",
            condition,
            {":answer": json.dumps(answer), ":by": by, ":at": self.at, **values},
            {"#queue": "queue"},
        )

    def _next_opened(self, hands: set[str]) -> list[Write]:
        if "next" not in self.item:
            return []
        values = {":queue": queue_of(self.round_id), ":place": free_place()}
        labeled_by = ""
        if hands:
            labeled_by, values[":hands"] = " ADD labeled_by :hands", hands
        expression = f"SET #queue = :queue, available_at = :place{labeled_by}"
        return [self._update(int(self.item["next"]), expression, _WAITS, values, {"#queue": "queue"})]

    def _kept(self, given: Given, by: str) -> Write:
        item = {
            **answer_key(self.round_id, int(self.item["image_number"]), by),
            "number": number_of(self.item),
            "at": self.at,
            "seconds": given.seconds,
            "kind": self.round["kind"],
            "model": self.round["model"],
            "image_uri": self.item["image_uri"],
            "answer": json.dumps(given.answer),
            "suggestions": json.dumps(given.suggestions),
        }
        # One person, one answer about a picture; nobody may have several, where it is gone.
        condition = {} if by == NOBODY else {"ConditionExpression": "attribute_not_exists(pk)"}
        return {"Put": {"TableName": self.table.name, "Item": item, **condition}}

    def _skip(self, reason: str) -> Write:
        key = skip_key(self.round_id, number_of(self.item), self.who)
        return {"Put": {"TableName": self.table.name, "Item": {**key, "at": self.at, "reason": reason}}}

    def _counted(self, who: str, name: str, times: int = 1) -> Write:
        return counted(self.table, self.round_id, who, {name: times}, int(time.time()) + KEPT_SECONDS)

    def _update(
        self,
        number: int,
        expression: str,
        condition: str,
        values: Mapping[str, Any],
        names: Mapping[str, str] | None = None,
    ) -> Write:
        return {
            "Update": {
                "TableName": self.table.name,
                "Key": task_key(self.round_id, number),
                "UpdateExpression": expression,
                "ConditionExpression": condition,
                "ExpressionAttributeValues": dict(values),
                **({"ExpressionAttributeNames": dict(names)} if names else {}),
            }
        }
