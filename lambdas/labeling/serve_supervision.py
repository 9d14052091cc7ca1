"""Serves the supervisors' part of the page: recent rounds, who did what, rounds to start and to close.

In:  an event of API Gateway's proxy integration, its caller a person of the user pool.
Out: GET  /supervision                       -> {"people", "agreement", "rounds", "considered"}
     POST /supervision/rounds                -> {"execution": ARN}
     POST /supervision/rounds/{round}/close  -> {"accepted": true}
     GET  /supervision/tasks?round=&after=   -> {"tasks": [...], "next": after | null}
"""

import functools
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.proxied import Refused, body_of
from lambdas.labeling import starts
from lambdas.labeling.callers import SUPERVISORS, caller_of, require
from lambdas.labeling.proxied import answer
from lambdas.labeling.rounds import Rounds
from lambdas.labeling.signed_links import signing_client
from lambdas.labeling.supervision import Supervision

_LONGEST_LOGGED = 200
_log = logging.getLogger(__name__)
_log.setLevel(logging.INFO)

Start = Callable[[str], str]


@dataclass(frozen=True)
class Environment:
    """The labeling table and state machine, the models as a JSON list, what makes two boxes one object."""

    table: str
    state_machine_arn: str
    models: str
    consensus_iou: float


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer one request of a supervisor."""
    return answer(lambda: _carry_out(event))


def _carry_out(event: dict[str, Any]) -> dict[str, Any]:
    caller = caller_of(event)
    require(caller, SUPERVISORS)
    if event["httpMethod"] != "GET":
        path = event.get("pathParameters") or {}
        said = str(event.get("body"))[:_LONGEST_LOGGED]  # nobody has looked at it yet
        _log.info("%s: %s %s %r", caller.name, event["resource"], path.get("round", ""), said)
    supervision, start = _connections()
    return route(event, supervision, start)


def route(event: dict[str, Any], supervision: Supervision, start: Start) -> dict[str, Any]:
    """Carry out the request of somebody who may; Refused where it cannot be."""
    match event["httpMethod"], event["resource"]:
        case "GET", "/supervision":
            return supervision.overview()
        case "GET", "/supervision/tasks":
            asked = event.get("queryStringParameters") or {}
            return supervision.tasks(asked.get("round") or "", _number(asked.get("after") or "0"))
        case "POST", "/supervision/rounds":
            return {"execution": start(str(body_of(event, "model").get("model", "")))}
        case "POST", "/supervision/rounds/{round}/close":
            body_of(event)
            supervision.close(event["pathParameters"]["round"])
            return {"accepted": True}
        case method, resource:
            raise Refused(404, f"there is nothing at {method} {resource}")


def starting(states: Any, table: Any, machine: str, models: list[str]) -> Start:
    """Give what starts labeling of a model, one execution at a time; Refused otherwise."""

    def start(model: str) -> str:
        if model not in models:
            raise Refused(404, f"{model[:40]!r} is not a model of this line; there is {', '.join(models)}")
        try:
            return starts.start(states, table, machine, model)
        except starts.AlreadyRunning as error:
            raise Refused(409, str(error)) from None

    return start


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 6:
        raise Refused(400, "after: what the page before gave as next")
    return int(text)


@functools.cache
def _connections() -> tuple[Supervision, Start]:
    env = environment.read(Environment)
    table, states = boto3.resource("dynamodb").Table(env.table), boto3.client("stepfunctions")
    supervision = Supervision(table, Rounds(table, states), signing_client(), env.consensus_iou)
    return supervision, starting(states, table, env.state_machine_arn, json.loads(env.models))
