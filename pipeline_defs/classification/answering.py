"""How a model answers, from its file or through an endpoint: its best labels for a picture's JPEG bytes."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inference.classifier import Classifier
from inference.endpoint_requests import MAX_BYTES
from inference.pictures import BadPicture, decode
from inference.sessions import BadModel
from pipeline_defs.classification.label_map import LabelMap
from pipeline_defs.classification.scoring import BEST
from pipeline_defs.common.endpoint import Endpoint, Request
from pipeline_defs.common.job import JobError
from pipeline_defs.common.named import named

Labels = list[tuple[str, float]]  # best first


@dataclass(frozen=True)
class Answerer:
    """A model that can be asked; `where` says in messages which one it is, `input_size` is in pixels."""

    where: str
    ask: Callable[[bytes], Labels]
    min_score: float | None = None
    input_size: int | None = None


def open_classifier(path: Path, expected_sha256: str, *, threads: int = 1) -> Classifier:
    """Open a model file; JobError where it is none, or its labels are others than expected."""
    try:
        classifier = Classifier(path, threads=threads)
    except BadModel as error:
        raise JobError(str(error)) from error
    if classifier.card.label_map_sha256 != expected_sha256:
        raise JobError(
            f"{path}: its labels, {named(classifier.card.labels)}, are not those that are expected"
        )
    return classifier


def file_answerer(classifier: Classifier, where: str) -> Answerer:
    """Ask in this process."""

    def ask(jpeg: bytes) -> Labels:
        try:
            picture = decode(jpeg)
        except BadPicture as error:
            raise JobError(f"{where}: a record that is no picture: {error.reason}") from error
        return [(found.label, found.score) for found in classifier.best(picture, BEST)]

    return Answerer(where, ask, classifier.card.min_score, classifier.card.input_size)


def endpoint_answerer(endpoint: Endpoint, label_map: LabelMap) -> Answerer:
    """Ask by requests to a SageMaker endpoint."""

    def ask(jpeg: bytes) -> Labels:
        if len(jpeg) > MAX_BYTES:
            raise JobError(
                f"a record of {len(jpeg)} bytes is more than an endpoint takes ({MAX_BYTES}): encode the "
                "pictures smaller"
            )
        reply = endpoint.ask(Request("image/jpeg", jpeg))
        if not reply.answered:
            said = f"{reply.status or 'nothing'}: {reply.reason}"
            raise JobError(f"endpoint {endpoint.name}: no answer to a picture: {said}")
        return _read(reply.body, endpoint.name, label_map)

    return Answerer(f"endpoint {endpoint.name}", ask)


def _read(body: bytes, name: str, label_map: LabelMap) -> Labels:
    try:
        answer = json.loads(body)
        labels = [(str(found["label"]), float(found["score"])) for found in answer["labels"]]
        sha256 = answer["label_map_sha256"]
    except (KeyError, TypeError, ValueError) as error:
        raise JobError(f"endpoint {name}: not a classifier's answer: {error!r}") from error
    if sha256 != label_map.sha256 or not {label for label, _ in labels} <= set(label_map.labels):
        raise JobError(f"endpoint {name}: it answers with other labels than the test side's: another model?")
    if len(labels) != min(BEST, len(label_map.labels)):
        raise JobError(f"endpoint {name}: {len(labels)} labels in an answer")
    return labels
