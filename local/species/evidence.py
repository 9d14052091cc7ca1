"""Reads what a training left behind, as the people who may read it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local.species.facts import Document, Trained

MODELS = "models"  # the folder of their evaluations


def read_trained(
    session: Any, package_arn: str, folder: Path, *, model: str, trials: Sequence[Document], seconds: float
) -> Trained:
    """Read a package's evaluation and data set, and keep the evaluation's page in `folder`."""
    package = session.client("sagemaker").describe_model_package(ModelPackageName=package_arn)
    metadata = package["CustomerMetadataProperties"]
    s3 = session.client("s3")
    page, evaluated = f"{MODELS}/{model}.html", metadata["evaluation"].rpartition("/")[0]
    folder.joinpath(MODELS).mkdir(exist_ok=True)
    folder.joinpath(page).write_bytes(read_bytes(s3, f"{evaluated}/report.html"))
    dataset = metadata["dataset"].rstrip("/")
    run = dataset.rpartition("/")[0]
    return Trained(
        model=model,
        package_arn=package_arn,
        seconds=seconds,
        evaluation=json.loads(read_bytes(s3, metadata["evaluation"])),
        split=json.loads(read_bytes(s3, f"{run}/split/report.json")),
        quarantine=tuple(_lines(s3, f"{dataset}/quarantine.jsonl")),
        trials=tuple(trials),
        tested=frozenset(line["sha256"] for line in _lines(s3, f"{evaluated}/predictions.jsonl")),
        page=page,
    )


def _lines(s3: Any, uri: str) -> list[Any]:
    return [json.loads(line) for line in read_bytes(s3, uri).splitlines()]


def read_bytes(s3: Any, uri: str) -> bytes:
    """Download an object."""
    place = urlsplit(uri, allow_fragments=False)
    content: bytes = s3.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"].read()
    return content
