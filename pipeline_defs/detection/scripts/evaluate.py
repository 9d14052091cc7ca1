"""Measure a detector on the frozen test split: from its file, or through an endpoint.

python -m pipeline_defs.detection.scripts.evaluate --test DIR --dataset DIR --output-dir DIR
    (--model-dir DIR_OR_TAR_GZ | --endpoint NAME [--role ARN --session NAME])
"""

import argparse
import json
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inference.detector import BadModel, Detector
from inference.pictures import BadPicture, decode
from pipeline_defs.common.job import JobError, run
from pipeline_defs.detection.dataset import LabeledPicture, Split, read_split
from pipeline_defs.detection.scoring import (
    OPERATING_SCORE,
    PictureResult,
    Score,
    Scored,
    Truth,
    score_detections,
)

MIN_SCORE = 0.01  # low enough that the precision-recall curve has its tail
MAX_BODY_BYTES = 4 * 1024 * 1024  # of a serverless endpoint
CONTENT_TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}

Detect = Callable[[LabeledPicture, bytes], list[Scored]]


@dataclass(frozen=True)
class Evaluated:
    """What was found in each picture of the split, and how long each answer took (milliseconds)."""

    detections: list[list[Scored]]
    milliseconds: list[float]


def main(arguments: list[str] | None = None) -> None:
    """Evaluate and write evaluation.json and predictions.json."""
    options = parse(arguments)
    split = read_split(options.test)
    dataset = _read_dataset(options.dataset)
    if options.endpoint:
        client = _runtime_client(options.role, options.session)
        evaluated = evaluate(split, endpoint_detector(options.endpoint, client))
        source = f"endpoint:{options.endpoint}"
    else:
        with model_file(options.model_dir) as path:
            evaluated = evaluate(split, file_detector(path, split.classes))
        source = "model"
    results = [
        PictureResult(truth=truth_of(picture), detections=found)
        for picture, found in zip(split.pictures, evaluated.detections, strict=True)
    ]
    score = score_detections(results, split.classes, operating_score=options.operating_score)
    options.output_dir.mkdir(parents=True, exist_ok=True)
    report = evaluation_report(score, evaluated.milliseconds, dataset=dataset, source=source)
    (options.output_dir / "evaluation.json").write_text(json.dumps(report, indent=1))
    predictions = predictions_report(split, evaluated.detections)
    (options.output_dir / "predictions.json").write_text(json.dumps(predictions, indent=1))
    print(f"test:map50={score.map50:.4f}; test:map50_95={score.map50_95:.4f};", flush=True)


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
    parser.add_argument("--role", help="ARN of the role to ask the endpoint with")
    parser.add_argument("--session", default="evaluate", help="what the role's calls are known by")
    return parser.parse_args(arguments)


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


@contextmanager
def model_file(location: Path) -> Iterator[Path]:
    """Give model.onnx out of a model directory, a model.tar.gz, or a directory that holds one."""
    archive = location / "model.tar.gz" if location.is_dir() else location
    if location.is_dir() and not archive.is_file():
        yield location / "model.onnx"
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            with tarfile.open(archive) as tar:
                _extract_model(tar, Path(folder))
        except (OSError, tarfile.TarError, EOFError) as error:
            raise JobError(f"{archive}: no model.onnx can be taken out of it: {error}") from error
        yield Path(folder) / "model.onnx"


def _extract_model(tar: tarfile.TarFile, folder: Path) -> None:
    """Archives name their files with or without a leading `./`."""
    for member in tar:
        if member.isfile() and Path(member.name) == Path("model.onnx"):
            tar.extract(member, folder, filter="data")
            return
    raise tarfile.TarError("it holds none")


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


def endpoint_detector(endpoint: str, runtime: Any) -> Detect:
    """Detect by requests to a SageMaker endpoint."""

    def detect(picture: LabeledPicture, content: bytes) -> list[Scored]:
        if len(content) > MAX_BODY_BYTES:
            raise JobError(f"{picture.uri}: {len(content)} bytes are more than an endpoint takes (4 MB)")
        try:
            response = runtime.invoke_endpoint(
                EndpointName=endpoint,
                Body=content,
                ContentType=CONTENT_TYPES.get(Path(picture.file).suffix.lower(), "application/x-image"),
                Accept="application/json",
                CustomAttributes=f"min_score={MIN_SCORE}",
            )
            answer = json.loads(response["Body"].read())
            return [
                Scored(found["label"], float(found["score"]), tuple(found["box"]))
                for found in answer["detections"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise JobError(f"endpoint {endpoint}: not an answer for {picture.uri}: {error!r}") from error
        except _client_errors() as error:
            raise JobError(f"endpoint {endpoint}: no answer for {picture.uri}: {error}") from error

    return detect


def truth_of(picture: LabeledPicture) -> list[Truth]:
    """Return the labelled objects of a picture."""
    return [
        Truth(box.label, (box.left, box.top, box.left + box.width, box.top + box.height))
        for box in picture.boxes
    ]


def evaluation_report(
    score: Score, milliseconds: list[float], *, dataset: dict[str, str], source: str
) -> dict[str, object]:
    """Return the content of evaluation.json."""
    by_class, curves = {}, {}
    for label, of_class in score.by_class.items():
        row = asdict(of_class)
        curves[label] = row.pop("curve")
        by_class[label] = row
    return {
        "map50": score.map50,
        "map50_95": score.map50_95,
        "images": len(milliseconds),
        "boxes": sum(of_class.boxes for of_class in score.by_class.values()),
        "by_class": by_class,
        "precision_recall": curves,
        "latency_ms": {
            "p50": round(float(np.percentile(milliseconds, 50)), 3),
            "p95": round(float(np.percentile(milliseconds, 95)), 3),
        },
        "dataset": dataset,
        "source": source,
        "requests": len(milliseconds),
    }


def predictions_report(split: Split, detections: list[list[Scored]]) -> list[dict[str, object]]:
    """Return the content of predictions.json: each picture's truth beside what was found."""
    return [
        {
            "file": picture.file,
            "sha256": picture.sha256,
            "uri": picture.uri,
            "width": picture.width,
            "height": picture.height,
            "truth": [asdict(box) for box in picture.boxes],
            "detections": [asdict(detection) for detection in found],
        }
        for picture, found in zip(split.pictures, detections, strict=True)
    ]


def _read_dataset(folder: Path) -> dict[str, str]:
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text())
        return {"manifest_sha256": manifest["sha256"], "as_of": manifest["as_of"]}
    except (OSError, ValueError, KeyError) as error:
        raise JobError(f"{path}: not a data set manifest: {error!r}") from error


def _runtime_client(role: str | None, session_name: str) -> Any:
    """Give the endpoint's client, with the role that the endpoint's account wants; good for an hour."""
    import boto3  # only the evaluation through an endpoint needs it
    from botocore.config import Config

    session = boto3.Session()
    if role:
        try:
            assumed = session.client("sts").assume_role(RoleArn=role, RoleSessionName=session_name)
        except _client_errors() as error:
            raise JobError(f"the role {role} cannot be had: {error}") from error
        keys = assumed["Credentials"]
        session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    config = Config(retries={"mode": "standard", "total_max_attempts": 5}, read_timeout=60)
    return session.client("sagemaker-runtime", config=config)


def _client_errors() -> tuple[type[Exception], ...]:
    from botocore.exceptions import BotoCoreError, ClientError

    return BotoCoreError, ClientError


if __name__ == "__main__":
    sys.exit(run(main))
