"""Measure a detector on the frozen test split: from its file, or through an endpoint, which is then tested.

python -m pipeline_defs.detection.scripts.evaluate --test DIR --dataset DIR --output-dir DIR
    (--model-dir DIR_OR_TAR_GZ
     | --endpoint NAME [--component NAME] [--role ARN --session NAME] [--evaluation DIR])
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from inference.detector import Detector
from inference.endpoint_requests import MAX_BYTES
from inference.pictures import BadPicture, decode
from inference.sessions import BadModel
from pipeline_defs.common.endpoint import Endpoint, Request, component_name, runtime_client
from pipeline_defs.common.endpoint_contract import check_contract
from pipeline_defs.common.job import JobError, run
from pipeline_defs.common.model_archive import archive_sha256, model_file
from pipeline_defs.detection.dataset import LabeledPicture, Split, read_split
from pipeline_defs.detection.endpoint_contract import contract
from pipeline_defs.detection.equality import compare, read_predictions
from pipeline_defs.detection.evaluation import Evaluated, evaluation_report, predictions_report
from pipeline_defs.detection.scoring import OPERATING_SCORE, Scored

MIN_SCORE = 0.01  # low enough that the precision-recall curve has its tail
LATENCY_REQUESTS = 100  # of a few, the 95th percentile is the slowest
CONTENT_TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
_ATTEMPTS = 5

Detect = Callable[[LabeledPicture, bytes], list[Scored]]


def main(arguments: list[str] | None = None) -> None:
    """Evaluate and write evaluation.json and predictions.json."""
    options = parse(arguments)
    split, dataset = read_split(options.test), _read_dataset(options.dataset)
    evaluated, facts = _test_endpoint(options, split) if options.endpoint else _from_file(options, split)
    report = evaluation_report(split, evaluated, operating_score=options.operating_score)
    options.output_dir.mkdir(parents=True, exist_ok=True)
    content = json.dumps({**report, "dataset": dataset, **facts}, indent=1)
    (options.output_dir / "evaluation.json").write_text(content)
    predictions = predictions_report(split, evaluated.detections)
    (options.output_dir / "predictions.json").write_text(json.dumps(predictions, indent=1))
    print(f"test:map50={report['map50']:.4f}; test:map50_95={report['map50_95']:.4f};", flush=True)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure a detector on the frozen test split.")
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--dataset", type=Path, required=True, help="folder of manifest.json")
    parser.add_argument("--output-dir", type=Path, required=True)
    parser.add_argument("--operating-score", type=float, default=OPERATING_SCORE)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--model-dir", type=Path, help="folder with model.onnx, or with model.tar.gz, or that file"
    )
    source.add_argument("--endpoint")
    parser.add_argument(
        "--component", type=component_name, help="of the endpoint, as JSON or as it is; null for none"
    )
    parser.add_argument("--role", help="ARN of the role to ask the endpoint with")
    parser.add_argument("--session", default="evaluate", help="what the role's calls are known by")
    parser.add_argument(
        "--evaluation", type=Path, help="folder of the training's predictions.json, which have to be equal"
    )
    parser.add_argument("--latency-requests", type=int, default=LATENCY_REQUESTS, help="at least so many")
    return parser.parse_args(arguments)


def _from_file(options: argparse.Namespace, split: Split) -> tuple[Evaluated, dict[str, Any]]:
    with model_file(options.model_dir) as path:
        evaluated = evaluate(split, file_detector(path, split.classes))
    return evaluated, {"source": "model", "model_sha256": archive_sha256(options.model_dir)}


def _test_endpoint(options: argparse.Namespace, split: Split) -> tuple[Evaluated, dict[str, Any]]:
    """Measure the endpoint, compare it with the training's own predictions, and hold it to its contract."""
    trained = read_predictions(options.evaluation) if options.evaluation else None
    client = runtime_client(options.role, options.session, attempts=_ATTEMPTS)
    detect = endpoint_detector(Endpoint(options.endpoint, client, options.component))
    first = _milliseconds(detect, split, split.pictures[0])
    evaluated = evaluate(split, detect)
    milliseconds = [*evaluated.milliseconds]
    while len(milliseconds) < options.latency_requests:
        milliseconds.append(
            _milliseconds(detect, split, split.pictures[len(milliseconds) % len(split.pictures)])
        )
    facts: dict[str, Any] = {"source": f"endpoint:{options.endpoint}", "first_answer_ms": round(first, 3)}
    if trained is not None:
        facts["equality"] = compare(trained, split, evaluated.detections).report()
    # A request that is tried again by itself would hide that an endpoint died of it.
    once = runtime_client(options.role, options.session, attempts=1)
    findings = check_contract(Endpoint(options.endpoint, once, options.component).ask, contract())
    facts["contract"] = [asdict(finding) for finding in findings]
    return Evaluated(evaluated.detections, milliseconds), facts


def evaluate(split: Split, detect: Detect) -> Evaluated:
    """Ask for every picture of the split, with a line of progress now and then."""
    detections: list[list[Scored]] = []
    milliseconds: list[float] = []
    every = max(1, len(split.pictures) // 10)
    for number, picture in enumerate(split.pictures, start=1):
        content = split.content(picture)
        started = time.perf_counter()
        detections.append(detect(picture, content))
        milliseconds.append((time.perf_counter() - started) * 1000)
        if number % every == 0 or number == len(split.pictures):
            print(f"evaluated {number}/{len(split.pictures)}", flush=True)
    return Evaluated(detections, milliseconds)


def _milliseconds(detect: Detect, split: Split, picture: LabeledPicture) -> float:
    content = split.content(picture)
    started = time.perf_counter()
    detect(picture, content)
    return (time.perf_counter() - started) * 1000


def file_detector(path: Path, classes: tuple[str, ...]) -> Detect:
    """Detect in this process."""
    try:
        detector = Detector(path, threads=1)
    except BadModel as error:
        raise JobError(str(error)) from error
    if set(detector.classes) != set(classes):
        raise JobError(
            f"{path}: the model knows {list(detector.classes)}, but the test split {list(classes)}"
        )

    def detect(picture: LabeledPicture, content: bytes) -> list[Scored]:
        try:
            decoded = decode(content)
        except BadPicture as error:
            raise JobError(f"{picture.file}: {error.reason}") from error
        found = detector.detect(decoded, min_score=MIN_SCORE)
        return [Scored(detection.label, detection.score, detection.box) for detection in found]

    return detect


def endpoint_detector(endpoint: Endpoint) -> Detect:
    """Detect by requests to a SageMaker endpoint."""

    def detect(picture: LabeledPicture, content: bytes) -> list[Scored]:
        if len(content) > MAX_BYTES:
            raise JobError(
                f"{picture.uri}: {len(content)} bytes are more than an endpoint takes ({MAX_BYTES})"
            )
        kind = CONTENT_TYPES.get(Path(picture.file).suffix.lower(), "application/x-image")
        reply = endpoint.ask(Request(kind, content, f"min_score={MIN_SCORE}"))
        if not reply.answered:
            said = f"{reply.status or 'nothing'}: {reply.reason}"
            raise JobError(f"endpoint {endpoint.name}: no answer for {picture.uri}: {said}")
        try:
            return [
                Scored(found["label"], float(found["score"]), tuple(found["box"]))
                for found in json.loads(reply.body)["detections"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise JobError(f"endpoint {endpoint.name}: not an answer for {picture.uri}: {error!r}") from error

    return detect


def _read_dataset(folder: Path) -> dict[str, str]:
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text())
        return {"manifest_sha256": manifest["sha256"], "as_of": manifest["as_of"]}
    except (OSError, ValueError, KeyError) as error:
        raise JobError(f"{path}: not a data set manifest: {error!r}") from error


if __name__ == "__main__":
    sys.exit(run(main))
