"""What supervisors see of recent rounds: how far they are, who did what, each picture with its answers."""

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lambdas.common.objects import split_uri
from lambdas.common.proxied import Refused
from lambdas.labeling import table_queries
from lambdas.labeling.kept_answers import Answer, Skip, answer_of, skip_of
from lambdas.labeling.people_statistics import Statistics
from lambdas.labeling.rounds import Rounds
from lambdas.labeling.tasks import LABEL, OPEN, Task, is_round_id, number_of, task_of

RECENT_ROUNDS = 50
MOST_TASKS = 20_000  # that the statistics read: some seconds
PAGE_TASKS = 24
PICTURE_SECONDS = 600


@dataclass(frozen=True)
class Supervision:
    """The rounds in the labeling table; `least_iou` makes two boxes of two people the same object."""

    table: Any
    rounds: Rounds
    s3: Any
    least_iou: float

    def overview(self) -> dict[str, Any]:
        """Give the newest rounds and, of as many of them as can be read at once, the statistics."""
        recent = self.rounds.recent(RECENT_ROUNDS)
        progress = {item["pk"]: self.rounds.progress(_id(item)) for item in recent}
        statistics, considered, answers = Statistics(least_iou=self.least_iou), list(_affordable(recent)), 0
        for item in considered:
            round_id = _id(item)
            tasks = iter(()) if item["kind"] == LABEL else self.rounds.tasks(round_id)
            skipped = {who: counts["skipped"] for who, counts in progress[item["pk"]].by.items()}
            answers += statistics.add_round(item["model"], tasks, self.rounds.answers(round_id), skipped)
        since = min((item["opened_at"] for item in considered), default=None)
        return {
            "people": statistics.people(),
            "agreement": statistics.agreement(),
            "rounds": [_round(item, progress[item["pk"]].answered) for item in recent],
            "considered": {"rounds": len(considered), "answers": answers, "since": since},
        }

    def close(self, round_id: str) -> None:
        """Let the round end with what it has; one that is over stays over. Refused for an unknown one."""
        self._require(round_id)
        self.rounds.end(round_id)

    def tasks(self, round_id: str, after: int) -> dict[str, Any]:
        """Give the next tasks of a round with all that was answered; `next` is what to ask `after` then."""
        found = self._require(round_id)
        pk = f"ROUND#{round_id}"
        items = self._between(pk, f"TASK#{after + 1:06d}", "TASK#999999", PAGE_TASKS + 1)
        shown = [(item, task_of(item)) for item in items[:PAGE_TASKS]]
        given, skipped = self._said(pk, [task for _, task in shown])
        return {
            "tasks": [
                {
                    **self._described(round_id, task),
                    "status": _status(item, found),
                    "answers": [_answer(answer) for answer in given[task.number]],
                    "skipped": [{"by": s.who, "at": s.at, "reason": s.reason} for s in skipped[task.number]],
                }
                for item, task in shown
            ],
            "round": _round(found, self.rounds.progress(round_id).answered),
            "next": str(number_of(items[PAGE_TASKS - 1])) if len(items) > PAGE_TASKS else None,
        }

    def _said(
        self, pk: str, tasks: list[Task]
    ) -> tuple[defaultdict[int, list[Answer]], defaultdict[int, list[Skip]]]:
        """What was answered and what was skipped, by the number of the task."""
        given: defaultdict[int, list[Answer]] = defaultdict(list)
        skipped: defaultdict[int, list[Skip]] = defaultdict(list)
        if not tasks:
            return given, skipped
        images = [task.image for task in tasks]
        # A person's name follows after a #, and $ is the next letter.
        for item in self._between(pk, f"ANSWER#{min(images):06d}#", f"ANSWER#{max(images):06d}$"):
            answer = answer_of(item)
            given[answer.number].append(answer)
        for item in self._between(pk, f"SKIP#{tasks[0].number:06d}#", f"SKIP#{tasks[-1].number:06d}$"):
            skip = skip_of(item)
            skipped[skip.number].append(skip)
        return given, skipped

    def _between(self, pk: str, first: str, last: str, most: int | None = None) -> list[dict[str, Any]]:
        found = table_queries.items(
            self.table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={":pk": pk, ":first": first, ":last": last},
            ConsistentRead=True,
            **({} if most is None else {"Limit": most}),
        )
        return list(found) if most is None else [item for item, _ in zip(found, range(most), strict=False)]

    def _described(self, round_id: str, task: Task) -> dict[str, Any]:
        bucket, key = split_uri(task.image_uri)
        url = self.s3.generate_presigned_url(
            "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=PICTURE_SECONDS
        )
        return {
            "task_id": f"{round_id}-{task.number}",
            "number": task.number,
            "image_url": url,
            "image_uri": task.image_uri,
            "width": task.width,
            "height": task.height,
            "boxes": list(task.boxes),
            "labeled_by": list(task.labeled_by),
        }

    def _require(self, round_id: str) -> dict[str, Any]:
        found = self.rounds.read(round_id) if is_round_id(round_id) else None
        if found is None:
            raise Refused(404, f"there is no round {round_id[:40]}")
        return found


def _affordable(recent: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The newest rounds, at least one, as long as they have no more tasks than can be read at once."""
    total = 0
    for item in sorted(recent, key=lambda item: item["opened_at"], reverse=True):
        total += int(item["total"])
        if total > MOST_TASKS and total > int(item["total"]):
            return
        yield item


def _id(item: dict[str, Any]) -> str:
    return str(item["pk"]).removeprefix("ROUND#")


def _round(item: dict[str, Any], answered: int) -> dict[str, Any]:
    named = ("model", "kind", "status", "opened_at", "closes_at", "execution")
    total = int(item["total"])
    return {
        "round": _id(item),
        **{name: item[name] for name in named},
        "number": int(item["number"]),
        "total": total,
        "answered": answered,
        "open": max(0, total - answered) if item["status"] == OPEN else 0,
    }


def _status(item: dict[str, Any], found: dict[str, Any]) -> str:
    """answered, held (somebody is at it), open, waiting (for another answer to its picture), or left."""
    if "answer" in item:
        return "answered"
    if found["status"] != OPEN or item.get("withdrawn"):
        return "left"
    if "queue" not in item:
        return "waiting"
    return "held" if item["lessee"] and int(item["available_at"]) > time.time() else "open"


def _answer(answer: Answer) -> dict[str, Any]:
    given = answer.answer
    if "verdict" in given:
        what = given["verdict"]
    elif "unusable" in given:
        what = "unusable"
    else:
        what = "boxes" if given.get("boxes") else "nothing"
    return {
        "by": answer.who,
        "at": answer.at,
        "seconds": answer.seconds,
        "kind": answer.kind,
        "what": what,
        "boxes": given.get("boxes"),
        "reason": given.get("reason") or given.get("unusable"),
    }
