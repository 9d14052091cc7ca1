"""A classifier behind an endpoint: the four functions that SageMaker's PyTorch serving toolkit calls."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .classifier import Classifier, ClassifierCard, ScoredLabel
from .endpoint_requests import (
    check_request,
    custom_attributes,
    decode_body,
    is_counted,
    tell_answer,
    worker_threads,
)
from .pictures import Picture


@dataclass(frozen=True)
class Request:
    """A decoded picture, and whether CloudWatch counts its answer."""

    picture: Picture
    counted: bool = True


@dataclass(frozen=True)
class Answer:
    """The best labels for a picture of this size (pixels), and what the model says of itself."""

    labels: list[ScoredLabel]
    width: int
    height: int
    card: ClassifierCard


def model_fn(model_dir: str) -> Classifier:
    """Load `model.onnx`."""
    return Classifier(Path(model_dir) / "model.onnx", threads=worker_threads())


def input_fn(body: bytes | bytearray | None, content_type: str | None, context: Any) -> Request:
    """Decode the request's picture; refused with 415 for another content type, 413 for too many bytes,
    400 for no picture or a bad one.
    """
    check_request(body, content_type)
    return Request(decode_body(body), counted=is_counted(custom_attributes(context)))


def predict_fn(request: Request, model: Classifier) -> Answer:
    """Classify, and print what CloudWatch counts: an answer below the model's least score counts as empty."""
    height, width = request.picture.shape[:2]
    labels = model.best(request.picture)
    if request.counted:
        tell_answer(labels[0].score if labels[0].score >= model.card.min_score else None)
    return Answer(labels, width=width, height=height, card=model.card)


def output_fn(answer: Answer, accept: str) -> tuple[str, str]:
    """Return the answer as JSON, whatever the caller would accept."""
    body = {
        "labels": [asdict(found) for found in answer.labels],
        "width": answer.width,
        "height": answer.height,
        "label_map_sha256": answer.card.label_map_sha256,
        "children": answer.card.children_document(),
    }
    return json.dumps(body), "application/json"
