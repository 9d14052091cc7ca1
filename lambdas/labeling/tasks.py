"""What a round is made of, tasks and the answers to them, and how each lies in the labeling table.

Items of a round, and the index `Queue` (queue, available_at) in which they are found:

    pk ROUND#<round>  sk ROUND            `model`, `kind`, `number`, `execution`, `classes`, `token`, `total`,
                                          `status`, `opened_at`, `closes_at`; queue `rounds` until the state
                                          machine is told, then `over`; available_at: opened_at in seconds
    pk ROUND#<round>  sk TASK#<nnnnnn>    the image, what was said about it, `lessee`, `draft`, then `answer`;
                                          `labeled_by`, a set: who may not have it, for they drew on the
                                          picture (`drawn_by`) or skipped it; `next`: the next task of the
                                          picture, which waits until this one is answered; queue
                                          `tasks#<round>` while it is open; available_at as below
    pk ROUND#<round>  sk ANSWER#<nnnnnn>#<who>  an answer, by the image's number: one a person and image
    pk ROUND#<round>  sk SKIP#<nnnnnn>#<who>    a task that somebody did not want, with the reason
    pk PROGRESS#<round>  sk BY#<who>      `answered`, `skipped`: how many; nobody else counts there
    pk PEOPLE         sk <who>            `groups`, `seen`: the second in which they last asked for work

`available_at` is the second from which the next person may have a task. For one that nobody holds it is a
random second before `PLACES`, long past: who claims starts at a random one, so that many who claim at once
seldom want the same tasks. For a task that is held it is the end of the lease.
"""

import hashlib
import json
import random
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

Kind = Literal["label", "verify", "settle"]
LABEL: Kind = "label"
VERIFY: Kind = "verify"
SETTLE: Kind = "settle"

QUEUE_INDEX = "Queue"
PLACES = 1_000_000_000  # seconds of 1970 to 2001
KEPT_SECONDS = 180 * 24 * 3600
ROUNDS, OVER = "rounds", "over"  # queues of the rounds' own items
OPEN, CLOSED = "open", "closed"
_ROUND_ID = re.compile(r"[0-9a-f]{16}")
NOBODY = ""  # answers where a picture is gone, and where all skipped it


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
    """One picture for one person.

    To a verify task belong `boxes` and who drew them, `labeled_by`, who may not have it; to a settle task
    `candidates`, each {"by", "boxes"}. `rejected` is what an earlier round came to: {"boxes", "reason"};
    `suggested` what a model proposes: {"boxes", "model_package_arn"}. Several tasks of one picture have
    numbers of their own and one `image_number` (0: the task's own); they go to different people. `answer` is
    None until somebody answers, `seconds` how long that took, as they say. Nobody answers, `answered_by` "",
    where the picture is gone, {"unusable": why}, and where all skipped it, {"skipped": [{"by", ...}]}.
    """

    number: int
    image_uri: str
    width: int
    height: int
    boxes: Sequence[dict[str, Any]] = ()
    labeled_by: Sequence[str] = ()
    rejected: dict[str, Any] | None = None
    suggested: dict[str, Any] | None = None
    candidates: Sequence[dict[str, Any]] = ()
    image_number: int = 0
    answer: dict[str, Any] | None = None
    answered_by: str = ""
    answered_at: str = ""
    seconds: int | None = None

    @property
    def image(self) -> int:
        """The number of the picture in its round."""
        return self.image_number or self.number


def is_round_id(text: str) -> bool:
    """Tell whether a round may have this id: what somebody sent is no key of the table before."""
    return _ROUND_ID.fullmatch(text) is not None


def round_key(round_id: str) -> dict[str, str]:
    """The table key of a round's own item."""
    return {"pk": f"ROUND#{round_id}", "sk": "ROUND"}


def round_item(opened: Round, total: int, token: str, closes_at: str) -> dict[str, Any]:
    """A new round as an item that waits to be told of."""
    now = int(time.time())
    return {
        **round_key(opened.id),
        "kind": opened.kind,
        "model": opened.model,
        "number": opened.number,
        "execution": opened.execution,
        "classes": list(opened.classes),
        "token": token,
        "total": total,
        "status": OPEN,
        "opened_at": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "closes_at": closes_at,
        "queue": ROUNDS,
        "available_at": now,
        "expires": now + KEPT_SECONDS,
    }


def task_key(round_id: str, number: int) -> dict[str, str]:
    """The table key of a task."""
    return {"pk": f"ROUND#{round_id}", "sk": f"TASK#{number:06d}"}


def queue_of(round_id: str) -> str:
    """The part of the index in which the open tasks of a round are."""
    return f"tasks#{round_id}"


def free_place() -> int:
    """Where in its queue a task waits that nobody holds."""
    return random.randrange(PLACES)  # noqa: S311 - spreads those who claim, guards nothing


def task_items(round_id: str, tasks: Iterable[Task], now: int) -> Iterator[dict[str, Any]]:
    """Each task as a new item; of those of one picture the first is open, the others follow one by one."""
    chains: dict[int, list[Task]] = {}
    for task in tasks:
        chains.setdefault(task.image, []).append(task)
    for chain in chains.values():
        following = [*(task.number for task in chain[1:]), 0]
        for task, next_number in zip(chain, following, strict=True):
            place = {"queue": queue_of(round_id), "available_at": free_place()}
            yield {
                **_item(round_id, task),
                **({"next": next_number} if next_number else {}),
                **(place if task is chain[0] else {}),
                "expires": now + KEPT_SECONDS,
            }


def _item(round_id: str, task: Task) -> dict[str, Any]:
    return {
        **task_key(round_id, task.number),
        "image_number": task.image,
        "image_uri": task.image_uri,
        "width": task.width,
        "height": task.height,
        "boxes": json.dumps(list(task.boxes)),
        "drawn_by": list(task.labeled_by),
        "rejected": json.dumps(task.rejected),
        "suggested": json.dumps(task.suggested),
        "candidates": json.dumps(list(task.candidates)),
        "lessee": "",
        **({"labeled_by": set(task.labeled_by)} if task.labeled_by else {}),  # there is no empty set
    }


def task_of(item: dict[str, Any]) -> Task:
    """The task that an item of the table holds."""
    return Task(
        number=number_of(item),
        image_uri=item["image_uri"],
        width=int(item["width"]),
        height=int(item["height"]),
        boxes=json.loads(item["boxes"]),
        labeled_by=tuple(item["drawn_by"]),
        rejected=json.loads(item["rejected"]),
        suggested=json.loads(item["suggested"]),
        candidates=json.loads(item["candidates"]),
        image_number=int(item["image_number"]),
        answer=json.loads(item["answer"]) if "answer" in item else None,
        answered_by=item.get("answered_by", ""),
        answered_at=item.get("answered_at", ""),
        seconds=seconds_of(item),
    )


def number_of(item: Mapping[str, Any]) -> int:
    """The number of a task, by its item or what the index has of it."""
    return int(item["sk"].removeprefix("TASK#"))


def seconds_of(item: dict[str, Any]) -> int | None:
    """How long an answer took, as who gave it says; None if they do not."""
    return None if item.get("seconds") is None else int(item["seconds"])
