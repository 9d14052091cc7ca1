"""Asks one model what a picture shows; every way in which there is no answer is one of two exceptions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.common.proxied import Refused
from lambdas.recognition.recognizers import ServedModel

COLD_SECONDS, BUSY_SECONDS, NOTHING_SECONDS = 10, 1, 60
_BUSY = ("ThrottlingException",)
_PICTURES_FAULT = range(400, 500)


class Unanswered(Exception):  # noqa: N818 - it becomes a 503, or an answer that says less
    """The model cannot say anything now; asked again after `seconds` it may."""

    def __init__(self, reason: str, *, seconds: int = COLD_SECONDS) -> None:
        super().__init__(reason)
        self.seconds = seconds


@dataclass(frozen=True)
class Picture:
    """An encoded picture as it came in."""

    content: bytes
    content_type: str


@dataclass(frozen=True)
class Answer:
    """A model's best labels, best first, with scores from 0 to 1; what it calls its own label map.

    `children` says for each group the model that the parent was trained to route to: {"model",
    "label_map_sha256"}.
    """

    labels: list[tuple[str, float]]
    label_map_sha256: str
    children: Mapping[str, Mapping[str, str]]


def ask(runtime: Any, model: ServedModel, picture: Picture) -> Answer:
    """Invoke the model's endpoint. Raises Unanswered, or Refused with 4xx where the picture is at fault."""
    component = {"InferenceComponentName": model.component} if model.component else {}
    try:
        response = runtime.invoke_endpoint(
            EndpointName=model.endpoint,
            Body=picture.content,
            ContentType=picture.content_type,
            Accept="application/json",
            **component,
        )
        return _read(model, response["Body"].read())
    except ClientError as error:
        raise _told(model, error) from error
    except BotoCoreError as error:
        # A serverless endpoint that nobody has called for a while answers after the time that there is.
        raise Unanswered(f"{model.name} gave no answer in time: {type(error).__name__}") from error


def _read(model: ServedModel, body: bytes) -> Answer:
    try:
        document = json.loads(body)
        best, *others = document["labels"]
        return Answer(
            labels=[(str(found["label"]), float(found["score"])) for found in (best, *others)],
            label_map_sha256=str(document["label_map_sha256"]),
            children=dict(document["children"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Unanswered(f"{model.name} answered what is no classification: {error!r}") from error


def _told(model: ServedModel, error: ClientError) -> Unanswered | Refused:
    """Say what an error of the endpoint means for who has sent the picture."""
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code == "ModelError":
        status = int(str(error.response.get("OriginalStatusCode", 0)))
        if status in _PICTURES_FAULT:
            return Refused(status, str(error.response.get("OriginalMessage") or message))
        return Unanswered(f"{model.name} failed on the picture")
    if code in _BUSY:
        return Unanswered(f"{model.name} has more requests than it takes", seconds=BUSY_SECONDS)
    if "oversize" in message or error.response["ResponseMetadata"]["HTTPStatusCode"] == 413:
        return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the picture is larger than the endpoint takes")
    if code == "ValidationError" and "not found" in message.lower().replace("could not find", "not found"):
        return Unanswered(f"{model.name} is not served yet: no version was released", seconds=NOTHING_SECONDS)
    return Unanswered(f"{model.name} is not ready: {code}")
