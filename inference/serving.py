"""The detector behind an endpoint: the four functions that SageMaker's PyTorch serving toolkit calls.

`input_fn` takes the request's context as its last argument; the toolkit passes it to every function that has
one parameter more than the data. Only the toolkit's own exception gives another status than 500.
"""

import json
import os
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from .detector import Detection, Detector
from .pictures import BadPicture, Picture, decode

try:
    from sagemaker_inference.errors import (  # type: ignore[import-not-found]
        GenericInferenceToolkitError as RequestError,
    )
except ImportError:  # outside AWS's container

    class RequestError(Exception):  # type: ignore[no-redef]
        """Shaped like the toolkit's exception of the same role."""

        def __init__(self, status_code: int, message: str, phrase: str | None = None) -> None:
            super().__init__(status_code, message, phrase or message)
            self.status_code = status_code
            self.message = message
            self.phrase = phrase or message


CONTENT_TYPES = (
    "image/jpeg",
    "image/png",
    "image/bmp",
    "image/webp",
    "image/tiff",
    "application/x-image",
    "application/octet-stream",
)
DEFAULT_MIN_SCORE = 0.25
MAX_BYTES = 6 * 1024 * 1024  # TorchServe itself, as SageMaker starts it, takes 6,553,500
_UNCOUNTED = "uncounted"  # a custom attribute
_CUSTOM_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"


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
    """Load `model.onnx`; the threads that the server gives each worker come from OMP_NUM_THREADS."""
    return Detector(Path(model_dir) / "model.onnx", threads=int(os.environ.get("OMP_NUM_THREADS", "1")))


def input_fn(body: bytes | bytearray | None, content_type: str | None, context: Any) -> Request:
    """Decode the request's picture; refused with 415 for another content type, 413 for more than MAX_BYTES,
    400 for none or a bad one.
    """
    kind = (content_type or "application/x-image").split(";")[0].strip().lower()
    if kind not in CONTENT_TYPES:
        raise _refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"{kind} is not one of {', '.join(CONTENT_TYPES)}")
    content = bytes(body or b"")
    if len(content) > MAX_BYTES:
        reason = f"a picture of {len(content)} bytes, more than the {MAX_BYTES} that are taken"
        raise _refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason)
    attributes = _custom_attributes(context)
    min_score = _min_score(attributes)
    try:
        return Request(decode(content), min_score, counted=_UNCOUNTED not in attributes)
    except BadPicture as error:
        raise _refuse(HTTPStatus.BAD_REQUEST, f"bad picture: {error.reason}") from error


def predict_fn(request: Request, model: Detector) -> Answer:
    """Detect, and print what CloudWatch counts.

    The line is about DEFAULT_MIN_SCORE whatever the caller asked for: so it compares with the evaluation.
    There is none where labeling asks: what devices are unsure of says nothing of how the model does in prod.
    """
    height, width = request.picture.shape[:2]
    # A lower least score adds detections behind the others and changes none of them.
    found = model.detect(request.picture, min_score=min(request.min_score, DEFAULT_MIN_SCORE))
    # In one piece: where output is not buffered, what others print could come before a line's end.
    if request.counted:
        print(f"{_answer_line(found)}\n", end="", flush=True)
    detections = [detection for detection in found if detection.score >= request.min_score]
    return Answer(detections=detections, width=width, height=height)


def _answer_line(found: list[Detection]) -> str:
    """Return `ANSWER <1 if nothing was found, else 0> <best score or ->`, which metric filters count."""
    best = max((detection.score for detection in found), default=0.0)
    return f"ANSWER 0 {best:.4f}" if best >= DEFAULT_MIN_SCORE else "ANSWER 1 -"


def output_fn(answer: Answer, accept: str) -> tuple[str, str]:
    """Return the answer as JSON, whatever the caller would accept."""
    detections = [{"label": d.label, "score": d.score, "box": list(d.box)} for d in answer.detections]
    body = {"detections": detections, "width": answer.width, "height": answer.height}
    return json.dumps(body), "application/json"


def _custom_attributes(context: Any) -> str:
    """Read the header where the toolkit itself reads headers; HTTP headers have no case."""
    if context is None:
        return ""
    headers = context.request_processor[0].get_request_properties()
    return next((str(value) for name, value in headers.items() if name.lower() == _CUSTOM_ATTRIBUTES), "")


def _min_score(attributes: str) -> float:
    """Take `min_score=0.01` out of comma-separated attributes."""
    pairs = (attribute.strip().partition("=") for attribute in attributes.split(","))
    text = next((value for name, _, value in pairs if name == "min_score"), None)
    if text is None:
        return DEFAULT_MIN_SCORE
    try:
        score = float(text)
    except ValueError:
        score = -1.0
    if not 0 <= score <= 1:
        raise _refuse(HTTPStatus.BAD_REQUEST, f"custom attribute min_score={text} is not between 0 and 1")
    return score


def _refuse(status: HTTPStatus, message: str) -> RequestError:
    return RequestError(status.value, message, message)
