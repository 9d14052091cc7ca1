"""Says what a picture shows: the parent names the group, the group's model the species.

In:  a request of API Gateway, `POST /recognize/{name}`, with an encoded picture as its body
Out: 200 {"name": str | null, "level": "species" | "group" | "none", "path": [{"model", "label", "score",
     "sure", "labels": [{"label", "score"}]}], "degraded": null | {"model", "reason"}, "refused": null | why};
     404 for a name that is none, 4xx for what is no picture, 503 with Retry-After where the first model has
     no answer yet.

A child that is cold, down, or not the one that the parent was trained for costs the species, not the answer.
"""

import base64
import binascii
import functools
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

import boto3
from botocore.config import Config

from inference.routing import Answered, best_of, route
from lambdas.common import environment
from lambdas.common.proxied import Refused, refuse, respond
from lambdas.recognition.asking import Answer, Picture, Unanswered, ask
from lambdas.recognition.recognizers import Recognizer, ServedModel, read_recognizers

# API Gateway gives up after 29 seconds; a child that makes the parent's answer late is worth less than it.
_PARENT_SECONDS, _CHILD_SECONDS, _CONNECT_SECONDS = 18, 8, 2
MAX_BYTES = 4 * 1024 * 1024  # a serverless endpoint's limit
_UNSURE = "no model is sure enough of what this is"
_log = logging.getLogger(__name__)
_TAKEN_OUT = "it is not among the models of this API any more"


@dataclass(frozen=True)
class Environment:
    """The file, beside the handler, of the models that can be asked."""

    recognizers: str


@dataclass(frozen=True)
class _Step:
    """What one model said, and whether that counts."""

    model: ServedModel
    answer: Answer

    @property
    def best(self) -> Answered:
        return best_of(self.answer.labels, self.model.min_score)

    def document(self) -> dict[str, Any]:
        labels = [{"label": label, "score": score} for label, score in self.answer.labels]
        return {"model": self.model.name, **asdict(self.best), "labels": labels}


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer one request, before the function's time is over."""
    try:
        recognizers = read_recognizers(environment.read(Environment).recognizers)
        recognizer = _named(recognizers, event["pathParameters"]["name"])

        def seconds_left() -> float:
            return float(context.get_remaining_time_in_millis()) / 1000

        return respond(HTTPStatus.OK, recognize(recognizer, picture_of(event), seconds_left))
    except Refused as refusal:
        return refuse(refusal)
    except Unanswered as nothing:
        _log.warning("%s: no answer: %s", event["pathParameters"]["name"], nothing)
        return refuse(Refused(HTTPStatus.SERVICE_UNAVAILABLE, str(nothing), retry_after=nothing.seconds))


def recognize(recognizer: Recognizer, picture: Picture, seconds_left: Callable[[], float]) -> dict[str, Any]:
    """Ask the parent, then the child of its best group. Raises Unanswered where the parent says nothing."""
    first = _Step(recognizer.model, ask(_runtime(_PARENT_SECONDS), recognizer.model, picture))
    group = first.best.label
    child = recognizer.children.get(group)
    # A parent that serves longer than the configuration is old may know groups that this one has no longer.
    expected = first.answer.children.get(group) or {}
    second, degraded = None, None
    if child is not None:
        try:
            answer = ask(_runtime(_for_child(child, seconds_left())), child, picture)
            second = _Step(child, _fitting(first, child, answer))
        except (Unanswered, Refused) as error:
            degraded = {"model": child.name, "reason": str(error)}
    elif expected:
        degraded = {"model": str(expected.get("model")), "reason": _TAKEN_OUT}
    if degraded:
        _log.warning(
            "%s: only the group: %s: %s", recognizer.model.name, degraded["model"], degraded["reason"]
        )
    found = route(first.best, second.best if second else None, is_group=bool(child or expected))
    return {
        "name": found.name,
        "level": found.level,
        "path": [step.document() for step in (first, second) if step is not None],
        "degraded": degraded,
        "refused": _UNSURE if found.name is None else None,
    }


def picture_of(event: Mapping[str, Any]) -> Picture:
    """Take the picture out of a request; Refused with 400, 413 or 415 where there is none."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    if not event.get("body"):
        raise Refused(HTTPStatus.BAD_REQUEST, "no picture: send its bytes as the request's body")
    if not event.get("isBase64Encoded"):
        raise Refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "the body came as text: send a picture with its Content-Type, such as image/jpeg",
        )
    try:
        content = base64.b64decode(event["body"], validate=True)
    except binascii.Error:
        raise Refused(HTTPStatus.BAD_REQUEST, "the body is not what API Gateway makes of a picture") from None
    if len(content) > MAX_BYTES:
        raise Refused(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"a picture of {len(content)} bytes; {MAX_BYTES} are taken: send a smaller one",
        )
    kind = headers.get("content-type") or "application/x-image"
    return Picture(content, kind.partition(";")[0].strip().lower())


def _named(recognizers: Mapping[str, Recognizer], name: str) -> Recognizer:
    if name not in recognizers:
        raise Refused(HTTPStatus.NOT_FOUND, f"{name[:64]!r} is not one of {', '.join(sorted(recognizers))}")
    return recognizers[name]


def _fitting(first: _Step, child: ServedModel, answer: Answer) -> Answer:
    """Unanswered where the child is another than the parent was trained with: in the middle of a release."""
    expected = first.answer.children.get(first.best.label) or {}
    if (expected.get("model"), expected.get("label_map_sha256")) != (child.name, answer.label_map_sha256):
        raise Unanswered(f"{child.name} does not know the classes that {first.model.name} was trained with")
    return answer


def _for_child(child: ServedModel, left: float) -> int:
    """How many seconds of what is left the child has; Unanswered where the parent has used them up."""
    seconds = min(_CHILD_SECONDS, int(left) - _CONNECT_SECONDS)
    if seconds < 1:
        raise Unanswered(f"no time was left to ask {child.name}")
    return seconds


@functools.cache
def _runtime(seconds: int) -> Any:
    """One attempt: what a retry could gain, the caller gains by asking again."""
    config = Config(connect_timeout=_CONNECT_SECONDS, read_timeout=seconds, retries={"total_max_attempts": 1})
    return boto3.client("sagemaker-runtime", config=config)
