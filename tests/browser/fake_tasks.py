"""The labeling API's rounds and tasks, in memory: leases, drafts, answers, as the contract has them."""

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Answered = tuple[int, dict[str, Any]]


class Refused(Exception):  # noqa: N818 - what the API answers
    """A request that is refused with a status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Task:
    """One picture for one person."""

    task_id: str
    round: str
    kind: str
    picture: str
    width: int
    height: int
    more: dict[str, Any] = field(default_factory=dict)
    by: str = ""  # who drew what is to be checked
    holder: str = ""
    until: float = 0.0
    answer: dict[str, Any] | None = None
    answer_id: str = ""
    answered_by: str = ""
    draft: dict[str, Any] | None = None
    skipped_by: set[str] = field(default_factory=set)

    @property
    def boxes(self) -> list[dict[str, Any]]:
        assert self.answer is not None, f"{self.task_id} has no answer"
        boxes: list[dict[str, Any]] = self.answer["boxes"]
        return boxes


def iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass
class FakeTasks:
    """Rounds of tasks; `verify_follows` opens a round of checks once a round of drawing is answered."""

    lease_seconds: float = 600.0
    verify_follows: bool = False
    classes: list[str] = field(default_factory=lambda: ["scratch", "dent"])
    models: list[dict[str, Any]] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    picture_url: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)
    drafts: int = 0

    def open(self, name: str, kind: str, pictures: list[tuple[str, int, int]], **more: Any) -> list[Task]:
        """Open a round with a task for each (file, width, height)."""
        opened = [
            Task(f"{name}-{at}", name, kind, picture, width, height, dict(more))
            for at, (picture, width, height) in enumerate(pictures)
        ]
        self.tasks.extend(opened)
        return opened

    def of(self, name: str) -> list[Task]:
        """The tasks of a round."""
        return [task for task in self.tasks if task.round == name]

    def answer_to(self, method: str, path: str, who: str, groups: list[str], body: Any) -> Answered | None:
        """The answer to a request; None for a path of somebody else."""
        with self.lock:
            try:
                return self._route(method, path.strip("/").split("/"), who, groups, body)
            except Refused as refusal:
                return refusal.status, {"message": str(refusal)}

    def _route(
        self, method: str, parts: list[str], who: str, groups: list[str], body: Any
    ) -> Answered | None:
        match method, parts:
            case "GET", ["me"]:
                return 200, {
                    "name": who, "groups": groups, "lease_seconds": self.lease_seconds, "models": self.models,
                }  # fmt: skip
            case "GET", ["rounds"]:
                return 200, {"rounds": [self._round(name, who) for name in reversed(self._names())]}
            case "POST", ["tasks", "claim"]:
                return 200, {"tasks": self._claim(who, groups, body)}
            case "PUT", ["tasks", task_id, "draft"]:
                return 200, self._draft(self._held(task_id, who), body)
            case "POST", ["tasks", task_id, "answer"]:
                return 200, self._answer(task_id, who, body)
            case "POST", ["tasks", task_id, "skip"]:
                task = self._held(task_id, who)
                if not body.get("reason"):
                    raise Refused(400, "reason: say why")
                task.skipped_by.add(who)
                task.holder, task.until = "", 0
                return 200, {"accepted": True}
            case "POST", ["tasks", task_id, "release"]:
                task = self._held(task_id, who)
                task.holder, task.until = "", 0
                return 200, {"accepted": True}
        return None

    def _names(self) -> list[str]:
        return list(dict.fromkeys(task.round for task in self.tasks))

    def _may(self, task: Task, who: str) -> bool:
        free = task.holder in ("", who) or task.until < time.time()
        return task.answer is None and free and task.by != who and who not in task.skipped_by

    def _round(self, name: str, who: str) -> dict[str, Any]:
        tasks = self.of(name)
        answered = sum(task.answer is not None for task in tasks)
        return {
            "round": name,
            "model": "tags",
            "kind": tasks[0].kind,
            "number": 1 + self._names().index(name),
            "total": len(tasks),
            "answered": answered,
            "open": sum(self._may(task, who) for task in tasks),
            "mine": {"answered": sum(task.answered_by == who for task in tasks)},
            "status": "closed" if answered == len(tasks) else "open",
            "opened_at": iso(time.time() - 3600),
            "closes_at": iso(time.time() + 40 * 3600),
        }

    def _claim(self, who: str, groups: list[str], body: Any) -> list[dict[str, Any]]:
        kind, limit, name = body["kind"], body.get("limit", 10), body.get("round")
        if set(body) - {"kind", "limit", "model", "round"}:
            raise Refused(400, "a field that a claim does not have")
        if kind == "settle" and "supervisors" not in groups:
            raise Refused(403, "only supervisors have the last word")
        now = time.time()
        mine = [task for task in self.tasks if task.kind == kind and self._may(task, who)]
        mine = [task for task in mine if name in (None, task.round)]
        mine.sort(key=lambda task: task.holder != who)
        for task in mine[:limit]:
            if task.holder != who:
                task.draft = None
            task.holder, task.until = who, now + self.lease_seconds
        return [self._offered(task) for task in mine[:limit]]

    def _offered(self, task: Task) -> dict[str, Any]:
        return {
            "task_id": task.task_id,
            "kind": task.kind,
            "model": "tags",
            "round": task.round,
            "image_url": f"{self.picture_url}/{task.picture}?until={task.until}",
            "image_uri": f"s3://images/{task.picture}",
            "width": task.width,
            "height": task.height,
            "classes": self.classes,
            "leased_until": iso(task.until),
            **task.more,
            **({"draft": task.draft} if task.draft else {}),
        }

    def _held(self, task_id: str, who: str) -> Task:
        task = self._found(task_id)
        if task.answer is not None:
            raise Refused(409, "this task has been answered already")
        if task.holder != who:
            raise Refused(403, "this task is not yours, or no longer: take the next one")
        return task

    def _found(self, task_id: str) -> Task:
        found = [task for task in self.tasks if task.task_id == task_id]
        if not found:
            raise Refused(404, f"there is no task {task_id}")
        return found[0]

    def _draft(self, task: Task, body: Any) -> dict[str, Any]:
        self.drafts += 1
        self._check(task, body["boxes"])
        stale = task.draft is not None and body["sequence"] < task.draft["sequence"]
        if not stale:
            task.draft = {
                "boxes": body["boxes"], "saved_at": iso(time.time()), "sequence": body["sequence"],
            }  # fmt: skip
        task.until = time.time() + self.lease_seconds
        assert task.draft is not None
        return {
            "saved_at": task.draft["saved_at"],
            "leased_until": iso(task.until),
            **({"stale": True} if stale else {}),
        }

    def _answer(self, task_id: str, who: str, body: Any) -> dict[str, Any]:
        task = self._found(task_id)
        if task.answer is not None and task.answered_by == who and task.answer_id == body.get("answer_id"):
            return {"accepted": True}
        task = self._held(task_id, who)
        known = {"boxes", "unusable", "verdict", "reason", "seconds", "answer_id", "suggestions"}
        if surplus := sorted(set(body) - known):
            raise Refused(400, f"{surplus[0]}: not part of an answer")
        self._check(task, body.get("boxes", []))
        task.answer, task.answered_by, task.answer_id = body, who, body.get("answer_id", "")
        if self.verify_follows and task.kind == "label" and all(one.answer for one in self.of(task.round)):
            self._follow(task.round)
        return {"accepted": True}

    def _follow(self, name: str) -> None:
        for at, drawn in enumerate(self.of(name)):
            check = Task(
                f"{name}v-{at}", f"{name}v", "verify", drawn.picture, drawn.width, drawn.height,
                {"boxes": (drawn.answer or {}).get("boxes", [])}, by=drawn.answered_by,
            )  # fmt: skip
            self.tasks.append(check)

    def _check(self, task: Task, boxes: list[dict[str, Any]]) -> None:
        for box in boxes:
            if set(box) != {"label", "left", "top", "width", "height"}:
                raise Refused(400, "a box has label, left, top, width, height and nothing else")
            if box["label"] not in self.classes:
                raise Refused(400, f"{box['label']}: no class of this model")
            right, bottom = box["left"] + box["width"], box["top"] + box["height"]
            if box["left"] < 0 or box["top"] < 0 or right > task.width + 1 or bottom > task.height + 1:
                raise Refused(400, "a box lies outside the picture")
