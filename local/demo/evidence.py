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
    """Read a package, and keep its evaluation, manifest and test set in `folder`, as the approver may."""
    package = session.client("sagemaker").describe_model_package(ModelPackageName=arn)
    s3 = session.client("s3")
    metadata = package["CustomerMetadataProperties"]
    predictions = metadata["evaluation"].rpartition("/")[0] + "/predictions.json"
    documents: dict[str, Any] = {
        "evaluation.json": read_json(s3, metadata["evaluation"]),
        "manifest.json": read_json(s3, metadata["dataset_manifest"]),
        "predictions.json": read_json(s3, predictions),
    }
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document, indent=1), encoding="utf-8")
    (folder / "test" / "images").mkdir(parents=True, exist_ok=True)
    for prediction in documents["predictions.json"]:
        content = read_bytes(s3, f"{metadata['test_set'].rstrip('/')}/{prediction['file']}")
        (folder / "test" / prediction["file"]).write_bytes(content)
    return Evaluated(package, documents["evaluation.json"], documents["manifest.json"])


def read_quarantine(s3: Any, uri: str | None) -> list[Excluded]:
    """What a labeling execution set aside."""
    if not uri:
        return []
    lines = read_bytes(s3, uri).decode().splitlines()
    entries = [json.loads(line) for line in lines if line.strip()]
    return [Excluded(entry["source-ref"], entry["reason"], "labeling") for entry in entries]


def chain(device: summary.Device, evaluated: Evaluated) -> tuple[Link, ...]:
    """The way from a device back to its dataset manifest; the report goes on from there to the pictures."""
    metadata, manifest = evaluated.package["CustomerMetadataProperties"], evaluated.manifest
    components = [
        Link("Component", f"{name} {version}", {}) for name, version in device.component_versions.items()
    ]
    package = {
        "ARN": evaluated.arn,
        "evaluation": metadata["evaluation"],
        "code": metadata["code"],
        "git commit": metadata.get("git_commit") or "none",
    }
    dataset = {
        "where": metadata["dataset_manifest"],
        "SHA-256": manifest["sha256"],
        "as of": manifest["as_of"],
    }
    return (
        Link("Device", device.name, {"environment": device.environment, "status": device.status}),
        *components,
        Link("Model package", evaluated.arn.rpartition(":model-package/")[2], package),
        Link("Dataset manifest", "manifest.json", dataset),
    )


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
