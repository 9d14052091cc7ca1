"""The detector behind an endpoint: the four functions that SageMaker's PyTorch serving toolkit calls."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from .detector import Detection, Detector
from .endpoint_requests import (
    check_request,
    custom_attributes,
    decode_body,
    is_counted,
    refusal,
    tell_answer,
    worker_threads,
)
from .pictures import Picture

DEFAULT_MIN_SCORE = 0.25


@dataclass(frozen=True)
class Request:
    """A decoded picture, the least score that the caller wants to see, and whether CloudWatch counts it."""

    picture: Picture
    min_score: float
    counted: bool = True


@dataclass(frozen=True)
class Answer:
    """What was found in a picture of this size (pixels)."""

    detections: list[Detection]
    width: int
    height: int


def model_fn(model_dir: str) -> Detector:
    """Load `model.onnx`."""
    return Detector(Path(model_dir) / "model.onnx", threads=worker_threads())


def input_fn(body: bytes | bytearray | None, content_type: str | None, context: Any) -> Request:
    """Decode the request's picture; refused with 415 for another content type, 413 for more than MAX_BYTES,
    400 for none or a bad one.
    """
    check_request(body, content_type)
    attributes = custom_attributes(context)
    min_score = _min_score(attributes)
    return Request(decode_body(body), min_score, counted=is_counted(attributes))


def predict_fn(request: Request, model: Detector) -> Answer:
    """Detect, and print what CloudWatch counts.

    The line is about DEFAULT_MIN_SCORE whatever the caller asked for: so it compares with the evaluation.
    There is none where labeling asks: what devices are unsure of says nothing of how the model does in prod.
    """
    height, width = request.picture.shape[:2]
    # A lower least score adds detections behind the others and changes none of them.
    found = model.detect(request.picture, min_score=min(request.min_score, DEFAULT_MIN_SCORE))
    if request.counted:
        best = max((detection.score for detection in found), default=0.0)
        tell_answer(best if best >= DEFAULT_MIN_SCORE else None)
    detections = [detection for detection in found if detection.score >= request.min_score]
    return Answer(detections=detections, width=width, height=height)


def output_fn(answer: Answer, accept: str) -> tuple[str, str]:
    """Return the answer as JSON, whatever the caller would accept."""
    detections = [{"label": d.label, "score": d.score, "box": list(d.box)} for d in answer.detections]
    body = {"detections": detections, "width": answer.width, "height": answer.height}
    return json.dumps(body), "application/json"


def _min_score(attributes: tuple[str, ...]) -> float:
    """Take `min_score=0.01` out of the custom attributes."""
    pairs = (attribute.partition("=") for attribute in attributes)
    text = next((value for name, _, value in pairs if name == "min_score"), None)
    if text is None:
        return DEFAULT_MIN_SCORE
    try:
        score = float(text)
    except ValueError:
        score = -1.0
    if not 0 <= score <= 1:
        raise refusal(HTTPStatus.BAD_REQUEST, f"custom attribute min_score={text} is not between 0 and 1")
    return score
