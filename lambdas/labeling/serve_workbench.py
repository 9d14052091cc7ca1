"""The labeling API for those who label, check and settle.

In:  GET  /me
     GET  /rounds
     POST /tasks/claim              {"kind": "label" | "verify" | "settle", "limit": 10, "model", "round"}
     PUT  /tasks/{task_id}/draft    {"boxes": [...], "sequence": n}
     POST /tasks/{task_id}/answer   lambdas/labeling/answers.py says what to which kind
     POST /tasks/{task_id}/skip     {"reason"}
     POST /tasks/{task_id}/release  {}
Out: 200 with a JSON object; else 4xx or 503 with {"message"}

Who calls is known by the ID token that API Gateway has checked. Only supervisors settle.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.proxied import Refused, body_of, read_body
from lambdas.labeling import proxied
from lambdas.labeling.answers import BadAnswer, reason_of
from lambdas.labeling.callers import ANNOTATORS, SUPERVISORS, Caller, caller_of, require
from lambdas.labeling.drawing_guide import DrawingGuide
from lambdas.labeling.held_tasks import HeldTasks
from lambdas.labeling.offers import Pictures, hand_out, round_offered, task_offered
from lambdas.labeling.people import People
from lambdas.labeling.rounds import LABEL, SETTLE, VERIFY, Rounds
from lambdas.labeling.signed_links import signing_client
from lambdas.labeling.task_queue import LEASE_SECONDS, TaskQueue, Wanted
from lambdas.labeling.tasks import OPEN, is_round_id

MAX_CLAIM = 50
_DEFAULT_CLAIM = 10
_MAX_SEQUENCE = 2**53 - 1  # what JavaScript counts to

Event = dict[str, Any]


@dataclass(frozen=True)
class Environment:
    """The labeling table and the bucket of the pictures."""

    table: str
    images_bucket: str


@dataclass(frozen=True)
class Workbench:
    """What requests have to do with, in the table and in the bucket."""

    table: Any
    rounds: Rounds
    people: People
    pictures: Pictures
    guide: DrawingGuide


def handler(event: Event, context: Any) -> dict[str, Any]:
    """Answer one request of API Gateway's proxy integration."""
    del context
    return proxied.answer(lambda: Request(event, caller_of(event), _workbench()).carry_out())


class Request:
    """One request of a person."""

    def __init__(self, event: Event, caller: Caller, workbench: Workbench) -> None:
        self._event, self._caller, self._bench = event, caller, workbench
        self._queue = TaskQueue(workbench.table, workbench.rounds, caller.name)
        self._held = HeldTasks(workbench.table, workbench.rounds, workbench.people, caller.name)

    def carry_out(self) -> dict[str, Any]:
        """Carry it out; Refused where it cannot be."""
        routes: dict[tuple[str, str], Callable[[], dict[str, Any]]] = {
            ("GET", "/me"): self._me,
            ("GET", "/rounds"): self._rounds,
            ("POST", "/tasks/claim"): self._claim,
            ("PUT", "/tasks/{task_id}/draft"): self._draft,
            ("POST", "/tasks/{task_id}/answer"): self._answer,
            ("POST", "/tasks/{task_id}/skip"): self._skip,
            ("POST", "/tasks/{task_id}/release"): self._release,
        }
        method, resource = self._event["httpMethod"], self._event["resource"]
        if (method, resource) not in routes:
            raise Refused(404, f"there is nothing at {method} {resource}")
        if resource != "/me":
            require(self._caller, ANNOTATORS, SUPERVISORS)
            self._bench.people.note(self._caller)
        return routes[method, resource]()

    def _me(self) -> dict[str, Any]:
        return {
            "name": self._caller.name,
            "groups": sorted(self._caller.groups),
            "lease_seconds": LEASE_SECONDS,
            "models": self._bench.guide.models(),
        }

    def _rounds(self) -> dict[str, Any]:
        """The open rounds; who looks at them also sees to it that what is answered goes on."""
        self._queue.complete_what_is_answered()
        rounds, who = self._bench.rounds, self._caller.name
        offered = []
        for untold in rounds.untold():
            round_id = untold["round"]
            item = rounds.read(round_id)
            if item is not None and item["status"] == OPEN:
                can_have = self._queue.open_to(round_id) if self._may_have(item["kind"]) else 0
                progress = rounds.progress(round_id)
                offered.append(round_offered(round_id, item, progress, who=who, open_to=can_have))
        return {"rounds": sorted(offered, key=lambda one: str(one["opened_at"]), reverse=True)}

    def _claim(self) -> dict[str, Any]:
        wanted = wanted_of(body_of(self._event, "kind", "limit", "model", "round"))
        require(self._caller, SUPERVISORS if wanted.kind == SETTLE else ANNOTATORS)
        claimed = hand_out(self._queue, self._held, self._bench.pictures, wanted)
        return {"tasks": [task_offered(one, self._bench.pictures, self._caller.name) for one in claimed]}

    def _draft(self) -> dict[str, Any]:
        body = body_of(self._event, "boxes", "sequence")
        sequence = _whole(body.get("sequence"), 0, _MAX_SEQUENCE, "sequence")
        return self._held.keep_draft(self._task_id, body.get("boxes"), sequence)

    def _answer(self) -> dict[str, Any]:
        self._held.answer(self._task_id, read_body(self._event))
        return {"accepted": True}

    def _skip(self) -> dict[str, Any]:
        try:
            reason = reason_of(body_of(self._event, "reason").get("reason"), "reason")
        except BadAnswer as error:
            raise Refused(400, str(error)) from None
        self._held.skip(self._task_id, reason)
        return {"accepted": True}

    def _release(self) -> dict[str, Any]:
        body_of(self._event)
        self._held.release(self._task_id)
        return {"accepted": True}

    def _may_have(self, kind: str) -> bool:
        return (SUPERVISORS if kind == SETTLE else ANNOTATORS) in self._caller.groups

    @property
    def _task_id(self) -> str:
        return str(self._event["pathParameters"]["task_id"])


def wanted_of(body: dict[str, Any]) -> Wanted:
    """What a claim asks for."""
    kind, limit = body.get("kind"), _whole(body.get("limit", _DEFAULT_CLAIM), 1, MAX_CLAIM, "limit")
    model, round_id = body.get("model"), body.get("round")
    if kind not in (LABEL, VERIFY, SETTLE):
        raise Refused(400, 'kind: "label", "verify" or "settle"')
    if model is not None and not isinstance(model, str):
        raise Refused(400, "model: the name of a model, or nothing")
    if round_id is not None and not (isinstance(round_id, str) and is_round_id(round_id)):
        raise Refused(400, "round: the id of a round, or nothing")
    return Wanted(kind, limit, model, round_id)


def _whole(value: Any, low: int, high: int, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise Refused(400, f"{name}: a whole number from {low} to {high}")
    return value


@functools.cache
def _workbench() -> Workbench:
    env = environment.read(Environment)
    s3 = signing_client()
    table, pictures = boto3.resource("dynamodb").Table(env.table), Pictures(s3, env.images_bucket)
    rounds = Rounds(table, boto3.client("stepfunctions"))
    return Workbench(table, rounds, People(table), pictures, DrawingGuide(s3, env.images_bucket, pictures))
