"""Reads what the line left behind, as the people who may read it, for the summary and the report."""

import json
from collections import Counter
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
    """What a run's evaluation and its dataset manifest say, and the package that it registered, if it did."""

    package: Document | None
    evaluation: Document
    manifest: Document
    manifest_uri: str

    def dataset(self) -> summary.Dataset:
        """The manifest and how many pictures are in each part."""
        splits = [image["split"] for image in self.manifest["images"]]
        return summary.Dataset(
            manifest=self.manifest_uri,
            sha256=self.manifest["sha256"],
            train=splits.count("train"),
            validation=splits.count("validation"),
            test=splits.count("test"),
        )

    def model(self, threshold: float) -> summary.Model:
        """The package, None where none was registered, and the score."""
        arn = self.package["ModelPackageArn"] if self.package else None
        return summary.Model(arn, self.evaluation["map50"], self.evaluation["map50_95"], threshold)

    def excluded(self) -> list[Excluded]:
        """What the dataset step set aside, by name."""
        return [Excluded(i["uri"], i["reason"], "dataset") for i in self.manifest.get("set_aside", [])]


def read_package(session: Any, arn: str, folder: Path) -> Evaluated:
    """Read a package, and keep its evaluation, manifest and test set in `folder`, as the approver may."""
    package = session.client("sagemaker").describe_model_package(ModelPackageName=arn)
    metadata = package["CustomerMetadataProperties"]
    evaluation, manifest = metadata["evaluation"], metadata["dataset_manifest"]
    return _read(session.client("s3"), evaluation, manifest, metadata["test_set"], folder, package)


def read_refused(session: Any, run: str, folder: Path) -> Evaluated:
    """Read the same of a run, given by its S3 prefix, whose metric let nothing be registered."""
    evaluation, manifest = f"{run}/evaluation/evaluation.json", f"{run}/dataset/manifest.json"
    return _read(session.client("s3"), evaluation, manifest, f"{run}/test", folder, None)


def _read(
    s3: Any, evaluation: str, manifest: str, test_set: str, folder: Path, package: Document | None
) -> Evaluated:
    predictions = evaluation.rpartition("/")[0] + "/predictions.json"
    documents: dict[str, Any] = {
        "evaluation.json": read_json(s3, evaluation),
        "manifest.json": read_json(s3, manifest),
        "predictions.json": read_json(s3, predictions),
    }
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document, indent=1), encoding="utf-8")
    (folder / "test" / "images").mkdir(parents=True, exist_ok=True)
    for prediction in documents["predictions.json"]:
        content = read_bytes(s3, f"{test_set.rstrip('/')}/{prediction['file']}")
        (folder / "test" / prediction["file"]).write_bytes(content)
    return Evaluated(package, documents["evaluation.json"], documents["manifest.json"], manifest)


def read_quarantine(s3: Any, uri: str | None) -> list[Excluded]:
    """What a labeling execution set aside."""
    if not uri:
        return []
    lines = read_bytes(s3, uri).decode().splitlines()
    entries = [json.loads(line) for line in lines if line.strip()]
    return [Excluded(entry["source-ref"], entry["reason"], "labeling") for entry in entries]


def drawn_by(s3: Any, manifest: str) -> Counter[str]:
    """Count by people whose boxes a labeling execution's labels are: of all who drew, the last ones'."""
    counts: Counter[str] = Counter()
    for line in read_bytes(s3, manifest).decode().splitlines():
        drew = json.loads(line)["annotators"]
        counts.update(drew.get("settled") or drew.get("mended") or drew.get("labeled") or ())
    return counts


def chain(device: summary.Device, evaluated: Evaluated) -> tuple[Link, ...]:
    """The way from a device back to its dataset manifest; the report goes on from there to the pictures.

    There is none without a registered package.
    """
    if evaluated.package is None:
        return ()
    arn, metadata = evaluated.package["ModelPackageArn"], evaluated.package["CustomerMetadataProperties"]
    manifest = evaluated.manifest
    components = [
        Link("Component", f"{name} {version}", {}) for name, version in device.component_versions.items()
    ]
    package = {
        "ARN": arn,
        "evaluation": metadata["evaluation"],
        "code": metadata["code"],
        "git commit": metadata.get("git_commit") or "none",
    }
    dataset = {
        "where": evaluated.manifest_uri,
        "SHA-256": manifest["sha256"],
        "as of": manifest["as_of"],
    }
    return (
        Link("Device", device.name, {"environment": device.environment, "status": device.status}),
        *components,
        Link("Model package", arn.rpartition(":model-package/")[2], package),
        Link("Dataset manifest", "manifest.json", dataset),
    )


def keep_page(s3: Any, uri: str, folder: Path) -> str:
    """Keep a page in `folder`; the name of the file."""
    name = uri.rpartition("/")[2]
    (folder / name).write_bytes(read_bytes(s3, uri))
    return name


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
