"""Reads what the line left behind, as the people who may read it, for the summary and the report."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local.demo import summary
from local.demo.details import Excluded, Link

Document = dict[str, Any]


@dataclass(frozen=True)
class Evaluated:
    """A registered package and what its evaluation and its dataset manifest say."""

    package: Document
    evaluation: Document
    manifest: Document

    @property
    def arn(self) -> str:
        """The package's own ARN."""
        return str(self.package["ModelPackageArn"])

    def dataset(self) -> summary.Dataset:
        """The manifest and how many pictures are in each part."""
        splits = [image["split"] for image in self.manifest["images"]]
        return summary.Dataset(
            manifest=self.package["CustomerMetadataProperties"]["dataset_manifest"],
            sha256=self.manifest["sha256"],
            train=splits.count("train"),
            validation=splits.count("validation"),
            test=splits.count("test"),
        )

    def model(self, threshold: float) -> summary.Model:
        """The package and its score."""
        return summary.Model(self.arn, self.evaluation["map50"], self.evaluation["map50_95"], threshold)

    def excluded(self) -> list[Excluded]:
        """What the dataset step set aside, by name."""
        return [Excluded(i["uri"], i["reason"], "dataset") for i in self.manifest.get("set_aside", [])]


def read_package(session: Any, arn: str, folder: Path) -> Evaluated:
    """Read a package and keep its evaluation, predictions and manifest in `folder`, as the approver may."""
    package = session.client("sagemaker").describe_model_package(ModelPackageName=arn)
    s3 = session.client("s3")
    metadata = package["CustomerMetadataProperties"]
    evaluation = read_json(s3, metadata["evaluation"])
    manifest = read_json(s3, metadata["dataset_manifest"])
    predictions = read_json(s3, metadata["evaluation"].rpartition("/")[0] + "/predictions.json")
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in (
        ("evaluation.json", evaluation), ("predictions.json", predictions), ("manifest.json", manifest)
    ):  # fmt: skip
        (folder / name).write_text(json.dumps(document, indent=1), encoding="utf-8")
    return Evaluated(package, evaluation, manifest)


def read_quarantine(s3: Any, uri: str | None) -> list[Excluded]:
    """What a labeling execution set aside."""
    if not uri:
        return []
    lines = read_bytes(s3, uri).decode().splitlines()
    entries = [json.loads(line) for line in lines if line.strip()]
    return [Excluded(entry["source-ref"], entry["reason"], "labeling") for entry in entries]


def chain(
    device: summary.Device, evaluated: Evaluated, labels_manifest: str, git_commit: str | None
) -> tuple[Link, ...]:
    """The way from a device back to the pictures; each step names what it came from."""
    metadata = evaluated.package["CustomerMetadataProperties"]
    manifest = evaluated.manifest
    images = manifest["images"]
    newest = images[0]
    return (
        Link("Device", device.name, {"environment": device.environment, "status": device.status}),
        *(Link("Component", name, {"version": version}) for name, version in device.component_versions.items()),
        Link(
            "Model package", evaluated.arn,
            {"evaluation": metadata["evaluation"], "code": metadata["code"], "git commit": git_commit or "none"},
        ),
        Link(
            "Dataset manifest", metadata["dataset_manifest"],
            {"sha256": manifest["sha256"], "as of": manifest["as_of"], "pictures": str(len(images))},
        ),
        Link("Labels", labels_manifest, {"labeling job": newest["labeling_job"], "at": newest["event_time"]}),
        Link("Picture", newest["uri"], {"sha256": newest["sha256"], "split": newest["split"]}),
    )  # fmt: skip


def read_json(s3: Any, uri: str) -> Document:
    """Read a JSON object from S3."""
    document: Document = json.loads(read_bytes(s3, uri))
    return document


def read_bytes(s3: Any, uri: str) -> bytes:
    """Read an object from S3."""
    parts = urlsplit(uri)
    content: bytes = s3.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))["Body"].read()
    return content


def endpoint(statistics: Mapping[str, Any], name: str, package_arn: str) -> summary.Endpoint:
    """An endpoint with the requests that the local cloud counted there."""
    return summary.Endpoint(name, package_arn, int(statistics["requests"]), statistics["p50_ms"])
