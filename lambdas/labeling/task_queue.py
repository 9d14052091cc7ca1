"""The open tasks as people see them: claimed for ten minutes, each by one person who may have it."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lambdas.common.proxied import Refused
from lambdas.labeling import table_queries
from lambdas.labeling.rounds import Rounds
from lambdas.labeling.tasks import (
    OPEN,
    PLACES,
    QUEUE_INDEX,
    Kind,
    Task,
    queue_of,
    task_of,
)  # fmt: skip
from lambdas.labeling.transactions import update

LEASE_SECONDS = 600
MOST_COUNTED = 1000
_PAGE = 200
_FOR_EVER = 10**12
_MINE = "lessee = :me"
_MAY_HAVE_IT = "NOT contains(labeled_by, :me)"


@dataclass(frozen=True)
class Wanted:
    """What somebody asks for; of any model and round where these are None."""

    kind: Kind
    limit: int
    model: str | None = None
    round: str | None = None


@dataclass(frozen=True)
class Claimed:
    """A task that the caller holds until `leased_until` (seconds), in the round with this item."""

    round_id: str
    round: dict[str, Any]
    task: Task
    item: dict[str, Any]

    @property
    def task_id(self) -> str:
        """What the page calls it by."""
        return f"{self.round_id}-{self.task.number}"


_Candidates = Callable[[str], Iterator[dict[str, Any]]]


class TaskQueue:
    """The open tasks in the labeling table, for one person (`who`, a username)."""

    def __init__(self, table: Any, rounds: Rounds, who: str) -> None:
        self._table, self._rounds, self._who = table, rounds, who

    def claim(self, wanted: Wanted) -> list[Claimed]:
        """Hold tasks for ten minutes: first those the caller holds already, then free ones.

        Asking again is harmless. Where less than the limit is left, rounds that are answered are completed:
        so an answer that was kept while the state machine was not told is made up for here.
        """
        rounds, claimed = self._rounds_for(wanted), []
        for candidates in (self._held, self._returned, self._fresh):
            for round_id, item in rounds.items():
                for task in self._leased(candidates, round_id, item):
                    claimed.append(task)
                    if len(claimed) == wanted.limit:
                        return claimed
        self.complete_what_is_answered()
        return claimed

    def complete_what_is_answered(self) -> None:
        """Tell the state machines of rounds that are answered and of which they do not know."""
        for untold in self._rounds.untold():
            self._rounds.complete_in_passing(untold["round"])

    def open_to(self, round_id: str) -> int:
        """How many tasks of a round the caller could have now; more than 1,000 are not counted."""
        now, counting = int(time.time()), {"Limit": MOST_COUNTED, "Select": "COUNT"}
        held = self._query(round_id, (now + 1, _FOR_EVER), _MINE, **counting)
        free = self._query(round_id, (0, now), _MAY_HAVE_IT, **counting)
        return min(MOST_COUNTED, sum(int(next(pages)["Count"]) for pages in (held, free)))

    def _rounds_for(self, wanted: Wanted) -> dict[str, dict[str, Any]]:
        """The open rounds with such tasks, oldest first."""
        if wanted.round is not None:
            known = [wanted.round]
        else:
            known = [untold["round"] for untold in self._rounds.untold()]
        found = {round_id: self._rounds.read(round_id) for round_id in known}
        if wanted.round is not None and found[wanted.round] is None:
            raise Refused(404, f"there is no round {wanted.round}")
        return {
            round_id: item
            for round_id, item in found.items()
            if item is not None
            and (item["status"], item["kind"]) == (OPEN, wanted.kind)
            and wanted.model in (None, item["model"])
        }

    def _leased(self, candidates: _Candidates, round_id: str, item: dict[str, Any]) -> Iterator[Claimed]:
        for candidate in candidates(round_id):
            leased = self._lease(round_id, candidate)
            if leased is not None:
                yield Claimed(round_id, item, task_of(leased), leased)

    def _held(self, round_id: str) -> Iterator[dict[str, Any]]:
        """What the caller holds."""
        for page in self._query(round_id, (int(time.time()) + 1, _FOR_EVER), _MINE):
            yield from page["Items"]

    def _returned(self, round_id: str) -> Iterator[dict[str, Any]]:
        """What was held by somebody whose lease has ended, the caller's own first.

        The others are shuffled, since all who claim see them.
        """
        for page in self._query(round_id, (PLACES, int(time.time())), _MAY_HAVE_IT):
            shuffled = random.sample(page["Items"], len(page["Items"]))
            yield from sorted(shuffled, key=lambda item: item["lessee"] != self._who)

    def _fresh(self, round_id: str) -> Iterator[dict[str, Any]]:
        """What nobody holds, from a random place on and round to it again."""
        start = random.randrange(1, PLACES)  # noqa: S311 - spreads those who claim, guards nothing
        for places in ((start, PLACES - 1), (0, start - 1)):
            for page in self._query(round_id, places, _MAY_HAVE_IT, Limit=_PAGE):
                yield from page["Items"]

    def _query(
        self, round_id: str, available: tuple[int, int], condition: str, **query: Any
    ) -> Iterator[dict[str, Any]]:
        first, last = available
        return table_queries.pages(
            self._table,
            IndexName=QUEUE_INDEX,
            KeyConditionExpression="#queue = :queue AND available_at BETWEEN :first AND :last",
            FilterExpression=condition,
            ExpressionAttributeNames={"#queue": "queue"},
            ExpressionAttributeValues={
                ":queue": queue_of(round_id),
                ":first": first,
                ":last": last,
                ":me": self._who,
            },
            **query,
        )

    def _lease(self, round_id: str, candidate: dict[str, Any]) -> dict[str, Any] | None:
        """Hold a task, unless it has been answered or claimed since the index was read."""
        return update(
            self._table,
            {"pk": candidate["pk"], "sk": candidate["sk"]},
            "SET lessee = :me, available_at = :until",
            ConditionExpression=(
                f"#queue = :queue AND (lessee = :me OR available_at = :seen) AND {_MAY_HAVE_IT}"
            ),
            ExpressionAttributeNames={"#queue": "queue"},
            ExpressionAttributeValues={
                ":me": self._who,
                ":until": int(time.time()) + LEASE_SECONDS,
                ":queue": queue_of(round_id),
                ":seen": candidate["available_at"],
            },
        )
