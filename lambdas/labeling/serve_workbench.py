"""The workbench API: people claim tasks and answer them.

In:  POST /tasks/claim             {"kind": "label" | "verify", "limit": 10}
     POST /tasks/{task_id}/answer  {"boxes": [...]} | {"unusable": reason}
                                   | {"verdict": "approve"} | {"verdict": "reject", "reason": reason}
Out: 200 {"tasks": [...]} and 200 {"accepted": true}; else 4xx or 503 with {"message"}

Who calls is the caller's IAM principal: a user, or a role with its session. People who share a role are told
apart by the session's name, so the role's trust policy has to tie `sts:RoleSessionName` to the person.
"""

import functools
import json
import logging
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from lambdas.common import environment
from lambdas.common.objects import split_uri
from lambdas.labeling.rounds import LABEL, VERIFY, Kind, Rounds
from lambdas.labeling.task_queue import LEASE_SECONDS, Claimed, Refused, TaskQueue
from lambdas.labeling.transactions import Contended

MAX_CLAIM = 50
_DEFAULT_CLAIM = 10
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Environment:
    """The name of the labeling table."""

    table: str


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one request of API Gateway's proxy integration."""
    del context
    try:
        who = caller(event)
        table, states, s3 = _connections()
        queue = TaskQueue(table, Rounds(table, states), who)
        return _respond(200, route(event, queue, s3))
    except Refused as refusal:
        return _respond(refusal.status, {"message": str(refusal)})
    except Contended as error:
        _log.warning("%s", error)
        return _respond(503, {"message": "too many answers at once; send it again"})


def caller(event: dict[str, Any]) -> str:
    """The ARN of the principal that signed the request."""
    arn = event["requestContext"]["identity"].get("userArn")
    if not arn:
        raise Refused(403, "sign the request as an IAM principal")
    return str(arn)


def route(event: dict[str, Any], queue: TaskQueue, s3: Any) -> dict[str, Any]:
    """Carry out the request; Refused where it cannot be."""
    body = body_of(event)
    match event["resource"]:
        case "/tasks/claim":
            kind, limit = claim_of(body)
            return {"tasks": [offered(claimed, s3) for claimed in queue.claim(kind, limit)]}
        case "/tasks/{task_id}/answer":
            queue.answer(event["pathParameters"]["task_id"], body)
            return {"accepted": True}
        case other:
            raise Refused(404, f"there is nothing at {other}")


def body_of(event: dict[str, Any]) -> Any:
    """The request's JSON body."""
    try:
        return json.loads(event.get("body") or "null")
    except (ValueError, RecursionError):
        raise Refused(400, "the body is not JSON") from None


def claim_of(body: Any) -> tuple[Kind, int]:
    """The kind and the number of tasks that a claim asks for."""
    given = body if isinstance(body, dict) else {}
    kind, limit = given.get("kind"), given.get("limit", _DEFAULT_CLAIM)
    if kind not in (LABEL, VERIFY):
        raise Refused(400, 'kind: either "label" or "verify"')
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MAX_CLAIM:
        raise Refused(400, f"limit: a whole number from 1 to {MAX_CLAIM}")
    return kind, limit


def offered(claimed: Claimed, s3: Any) -> dict[str, Any]:
    """A task as the caller sees it; the image can be fetched from `image_url` while the lease lasts."""
    bucket, key = split_uri(claimed.task.image_uri)
    url = s3.generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=LEASE_SECONDS
    )
    task: dict[str, Any] = {
        "task_id": claimed.task_id,
        "kind": claimed.kind,
        "image_uri": claimed.task.image_uri,
        "image_url": url,
        "width": claimed.task.width,
        "height": claimed.task.height,
        "classes": list(claimed.classes),
    }
    if claimed.kind == VERIFY:
        task["boxes"] = list(claimed.task.boxes)
    elif claimed.task.rejected is not None:
        task["rejected"] = claimed.task.rejected
    return task


@functools.cache
def _connections() -> tuple[Any, Any, Any]:
    env = environment.read(Environment)
    # Objects under a KMS key can only be fetched with signature version 4.
    s3 = boto3.client("s3", config=Config(signature_version="s3v4"))
    return boto3.resource("dynamodb").Table(env.table), boto3.client("stepfunctions"), s3


def _respond(status: int, document: dict[str, Any]) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
        "body": json.dumps(document),
    }
