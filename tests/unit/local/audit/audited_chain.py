"""A whole chain in memory: S3 objects of a package, made by the code that makes them in earnest."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from botocore.exceptions import ClientError
from PIL import Image

from lambdas.labeling.manifest import manifest_line
from pipeline_defs.common.sources import ARCHIVE, Sources
from pipeline_defs.detection.labels import LabelRow
from pipeline_defs.detection.preparation import Request, fetch_pictures, make_dataset, write_dataset
from pipeline_defs.detection.split import Assignment

BUCKET, IMAGES = "artifacts", "images"
RUN = f"s3://{BUCKET}/runs/tags/abc"
ARN = "arn:aws:sagemaker:eu-west-1:000000000000:model-package/edgeline-tags/3"
REQUEST = Request("tags", ("scratch",), "2026-11-21T12:00:00Z", "edgeline-labels", "SELECT", "", 7)
# One box reaches over the picture's border: a data set cuts it.
BOX = {"label": "scratch", "left": 30.0, "top": 3.0, "width": 10.5, "height": 5.0}


class FakeS3:
    """S3 as the audit calls it, over a dictionary of URIs."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        uri = f"s3://{Bucket}/{Key}"
        if uri not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "absent"}}, "GetObject")
        return {"Body": _Body(self.objects[uri])}

    def get_paginator(self, operation: str) -> "FakeS3":
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        for uri in sorted(self.objects):
            if uri.startswith(f"s3://{Bucket}/{Prefix}"):
                yield {"Contents": [{"Key": uri.removeprefix(f"s3://{Bucket}/")}]}


@dataclass
class _Body:
    content: bytes

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        for at in range(0, len(self.content), size):
            yield self.content[at : at + size]


@dataclass
class Chain:
    """The objects, and the package that they belong to."""

    s3: FakeS3
    package: dict[str, Any] = field(default_factory=dict)
    onnx: bytes = b"onnx bytes"

    @property
    def objects(self) -> dict[str, bytes]:
        return self.s3.objects


def make_chain(folder: Path) -> Chain:
    """Label twelve pictures of six objects, make their data set, and leave what a training leaves."""
    chain = Chain(FakeS3())
    rows = _labelled_pictures(chain)
    usable, aside = fetch_pictures(
        rows, chain.objects.__getitem__, folder / "down", classes=REQUEST.classes, with_details=False
    )
    dataset = make_dataset(REQUEST, usable, aside, lambda assign: assign(Assignment()))
    sha256 = write_dataset(dataset, folder / "made")
    for path in (folder / "made").rglob("*"):
        if path.is_file():
            chain.objects[f"{RUN}/{path.relative_to(folder / 'made').as_posix()}"] = path.read_bytes()
    sources = Sources({"inference/a.py": b"a = 1\n", "pipeline_defs/b.py": b"b = 2\n"})
    code = f"s3://{BUCKET}/{sources.prefix}"
    for name, content in {**sources.files, ARCHIVE: sources.archive()}.items():
        chain.objects[f"{code}{name}"] = content
    model = f"{RUN}/model/train/output/model.tar.gz"
    chain.objects[model] = archive({"model.onnx": chain.onnx})
    evaluation = {
        "map50": 0.9,
        "model_sha256": hashlib.sha256(chain.objects[model]).hexdigest(),
        "dataset": {"manifest_sha256": sha256},
    }
    chain.objects[f"{RUN}/evaluation/evaluation.json"] = json.dumps(evaluation).encode()
    chain.package = _package(model, code)
    return chain


def _labelled_pictures(chain: Chain) -> list[LabelRow]:
    rows, lines = [], []
    for number in range(12):
        uri, content = f"s3://{IMAGES}/images/tags/{number:02}.png", _png(number)
        chain.objects[uri] = content
        digest = hashlib.sha256(content).hexdigest()
        boxes = [BOX] if number else []
        rows.append(
            LabelRow(uri, "2026-11-21T10:00:00Z", digest, f"plate-{number // 2}", json.dumps(boxes), 36, 24,
                     "round-1", approved=True, deleted=False)
        )  # fmt: skip
        approved = {
            "uri": uri, "sha256": digest, "width": 36, "height": 24, "depth": 3, "boxes": boxes,
            "object_group": f"plate-{number // 2}", "at": "2026-11-21T10:00:00Z", "round": 1,
        }  # fmt: skip
        lines.append(json.dumps(manifest_line(approved, classes=["scratch"], job="round-1")))
    chain.objects[f"s3://{BUCKET}/labels/tags/round-1.manifest"] = "\n".join(lines).encode()
    return rows


def _png(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (24, 36, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def archive(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def _package(model: str, code: str) -> dict[str, Any]:
    return {
        "ModelPackageArn": ARN,
        "ModelApprovalStatus": "Approved",
        "InferenceSpecification": {"Containers": [{"Image": "image", "ModelDataUrl": model}]},
        "CustomerMetadataProperties": {
            "model": "tags",
            "evaluation": f"{RUN}/evaluation/evaluation.json",
            "dataset": f"{RUN}/dataset",
            "dataset_manifest": f"{RUN}/dataset/manifest.json",
            "test_set": f"{RUN}/test",
            "code": code,
        },
    }
