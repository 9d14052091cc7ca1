"""From a model package back to the pictures: model, code, evaluation, data set, labels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lambdas.edge.components import BrokenArtifact, onnx_of
from lambdas.promotion.tasks import CLASSIFICATION, task_of
from local.audit.classified import walk_classifier
from local.audit.finding import Audit
from local.audit.objects import Objects, Unreadable
from pipeline_defs.common.job import JobError
from pipeline_defs.common.sources import ARCHIVE, Sources
from pipeline_defs.detection.labels import BadLabel, check_boxes
from pipeline_defs.detection.preparation import picture_file
from pipeline_defs.detection.recreation import read_manifest
from pipeline_defs.detection.split import SPLITS

Document = Mapping[str, Any]


class PackageAudit:
    """Walks a package's chain; every object of it is read and hashed as it lies there now."""

    def __init__(self, audit: Audit, objects: Objects, package: Document) -> None:
        self._audit, self._objects = audit, objects
        self._package = package
        self._metadata = package["CustomerMetadataProperties"]

    def walk(self) -> None:
        """Check everything that the package was made of."""
        arn = self._package["ModelPackageArn"].rpartition(":model-package/")[2]
        self._audit.holds("model package", f"{arn}, {self._package['ModelApprovalStatus']}")
        self._model()
        self._code()
        if self._metadata.get("task") == CLASSIFICATION.name:
            walk_classifier(self._audit, self._objects, self._metadata)
            return
        manifest = self._manifest()
        if manifest is not None:
            self._splits(manifest)
            self._labels(manifest)
            self._pictures(manifest)

    def same_model(self, sha256: str) -> None:
        """Check that the archive holds the model with this hash, which a device has."""
        try:
            found = hashlib.sha256(onnx_of(self._objects.read(self._model_uri))).hexdigest()
            problem = None if found == sha256 else f"its model.onnx is {found}, the device has {sha256}"
        except (Unreadable, BrokenArtifact) as error:
            problem = str(error)
        self._audit.check("model.onnx", self._model_uri, problem)

    @property
    def _model_uri(self) -> str:
        return str(self._package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"])

    def _model(self) -> None:
        """The archive is the one that was evaluated."""
        uri = self._metadata["evaluation"]
        try:
            evaluation = self._objects.read_json(uri)
        except Unreadable as error:
            self._audit.wrong("evaluation", uri, str(error))
            return
        metric, title = next(iter(task_of(evaluation).metrics.items()))
        self._audit.holds("evaluation", f"{uri}, {title} {evaluation[metric]:.4f}")
        recorded = evaluation.get("model_sha256")
        if recorded is None:
            self._audit.wrong("model", self._model_uri, "its evaluation does not say which bytes it measured")
        else:
            self._audit.check("model", self._model_uri, self._objects.problem(self._model_uri, recorded))
        measured, own = evaluation["dataset"]["manifest_sha256"], self._metadata["dataset_manifest"]
        self._audit.check("measured on", own, self._other_dataset(measured))

    def _other_dataset(self, measured: str) -> str | None:
        try:
            recorded = self._objects.read_json(self._metadata["dataset_manifest"])["sha256"]
        except (Unreadable, KeyError) as error:
            return str(error)
        return None if recorded == measured else f"it is {recorded}, the evaluation measured on {measured}"

    def _code(self) -> None:
        """The code lies under the hash of all its files."""
        prefix = f"{self._metadata['code'].rstrip('/')}/"
        try:
            files = {uri.removeprefix(prefix): self._objects.read(uri) for uri in self._objects.under(prefix)}
        except Unreadable as error:
            self._audit.wrong("code", prefix, str(error))
            return
        packed = files.pop(ARCHIVE, None)
        sources = Sources(dict(sorted(files.items())))
        named = prefix.partition("//")[2].partition("/")[2]
        problem = None if sources.prefix == named else f"the hash of its files is {sources.prefix}"
        self._audit.check("code", prefix, problem)
        archive = None if packed == sources.archive() else "it is not the archive of the files beside it"
        self._audit.check("code archive", f"{prefix}{ARCHIVE}", archive)

    def _manifest(self) -> Document | None:
        uri = self._metadata["dataset_manifest"]
        try:
            manifest = read_manifest(self._objects.read(uri), uri)
        except (Unreadable, JobError) as error:
            self._audit.wrong("dataset manifest", uri, str(error).removeprefix(f"{uri}: "))
            return None
        self._audit.holds("dataset manifest", f"{uri}, SHA-256 {manifest['sha256']}")
        return manifest

    def _splits(self, manifest: Document) -> None:
        """What the jobs were given are the manifest's pictures with its boxes, on their sides."""
        run = self._metadata["test_set"].rstrip("/").rpartition("/")[0]
        for split in SPLITS:
            images = [image for image in manifest["images"] if image["split"] == split]
            uri = f"{run}/{split}/labels.json"
            self._audit.check("labels", f"{uri}, {len(images)} pictures", self._other_labels(uri, images))
            recorded = {
                f"{run}/{split}/{picture_file(image['sha256'], image['uri'])}": image["sha256"]
                for image in images
            }
            self._compare("picture, as used", recorded, f"{run}/{split}/images/, {len(images)} pictures")

    def _other_labels(self, uri: str, images: list[Document]) -> str | None:
        try:
            given = self._objects.read_json(uri)["images"]
            found = {entry["uri"]: (entry["sha256"], entry["boxes"]) for entry in given}
        except (Unreadable, KeyError, TypeError) as error:
            return f"{error}"
        recorded = {image["uri"]: (image["sha256"], image["boxes"]) for image in images}
        return _difference(found, recorded, "the manifest")

    def _labels(self, manifest: Document) -> None:
        """The boxes are those that people drew: by the manifest that each labeling execution left."""
        bucket = self._metadata["dataset_manifest"].removeprefix("s3://").partition("/")[0]
        jobs: dict[str, list[Document]] = {}
        for image in manifest["images"]:
            jobs.setdefault(image["labeling_job"], []).append(image)
        for job, images in sorted(jobs.items()):
            uri = f"s3://{bucket}/labels/{manifest['model']}/{job}.manifest"
            subject = f"{uri}, {len(images)} pictures"
            self._audit.check("labeling", subject, self._other_boxes(uri, images))

    def _other_boxes(self, uri: str, images: list[Document]) -> str | None:
        try:
            lines = [json.loads(line) for line in self._objects.read(uri).decode().splitlines() if line]
            drawn = {line["source-ref"]: (line["sha256"], _drawn(line)) for line in lines}
        except (Unreadable, BadLabel, ValueError, KeyError, TypeError) as error:
            return f"it is not what labeling leaves: {error}"
        recorded = {image["uri"]: (image["sha256"], _boxes(image["boxes"])) for image in images}
        return _difference({uri: drawn.get(uri) for uri in recorded}, recorded, "the dataset manifest")

    def _pictures(self, manifest: Document) -> None:
        recorded = {image["uri"]: image["sha256"] for image in manifest["images"]}
        self._compare("picture", recorded, f"{len(recorded)} pictures, as they were uploaded")

    def _compare(self, link: str, recorded: Mapping[str, str], all_of_them: str) -> None:
        """One line for each that differs; one for all where none does."""
        problems = [(uri, problem) for uri, problem in self._objects.problems(recorded) if problem]
        for uri, problem in problems:
            self._audit.wrong(link, uri, problem)
        if not problems:
            self._audit.holds(link, all_of_them)


def _difference(found: Mapping[str, Any], recorded: Mapping[str, Any], where: str) -> str | None:
    """Name the first picture in which two lists of labels differ."""
    for uri in sorted({*found, *recorded}):
        if found.get(uri) != recorded.get(uri):
            return f"the label of {uri} is not the one in {where}"
    return None


def _boxes(boxes: list[Document]) -> list[tuple[Any, ...]]:
    return sorted((b["label"], b["left"], b["top"], b["width"], b["height"]) for b in boxes)


def _drawn(line: Document) -> list[tuple[Any, ...]]:
    """Give the boxes of a labels manifest's line as a data set takes them: cut to the picture."""
    classes, labels = line["labels-metadata"]["class-map"], line["labels"]
    named = [{**a, "label": classes[str(a["class_id"])]} for a in labels["annotations"]]
    (size,) = labels["image_size"]
    checked = check_boxes(
        json.dumps(named), width=size["width"], height=size["height"], classes=classes.values()
    )
    return _boxes([asdict(box) for box in checked.boxes])
