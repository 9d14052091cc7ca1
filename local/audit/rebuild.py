"""`python -m local rebuild`: a package's model trained once more from its data set manifest, and compared.

The training is the line's own pipeline, on the line's own machines; it registers nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from config import Edgeline
from lambdas.edge.components import BrokenArtifact, onnx_of
from lambdas.promotion.tasks import task_of
from local.audit.finding import AuditError, Say
from local.audit.objects import Objects, Unreadable

_POLL_SECONDS = 2.0
_USUAL_SEED = "7"
Document = Mapping[str, Any]


def rebuild(config: Edgeline, package_arn: str, say: Say, *, poll_seconds: float = _POLL_SECONDS) -> int:
    """Train anew; 0 where the metrics agree within the model's tolerance, 1 where not, 2 without any."""
    try:
        return Rebuild(config, boto3.Session(), package_arn, say, poll_seconds).run()
    except (AuditError, BrokenArtifact, Unreadable, ClientError, BotoCoreError) as error:
        say(f"error: {' '.join(str(error).split())}")
        return 2


class Rebuild:
    """One training of a package's data set."""

    def __init__(
        self, config: Edgeline, session: Any, package_arn: str, say: Say, poll_seconds: float
    ) -> None:
        self._config, self._say, self._poll_seconds = config, say, poll_seconds
        self._sagemaker, self._objects = session.client("sagemaker"), Objects(session.client("s3"))
        self._package = self._sagemaker.describe_model_package(ModelPackageName=package_arn)
        self._metadata: Document = self._package["CustomerMetadataProperties"]
        self._pipeline = str(self._package["ModelPackageGroupName"])

    def run(self) -> int:
        """Start, follow, compare."""
        manifest = self._objects.read_json(self._metadata["dataset_manifest"])
        images, as_of = manifest["images"], manifest["as_of"]
        # A classifier's are in a list of their own.
        pictures = images["count"] if isinstance(images, Mapping) else len(images)
        self._say(f"data set {manifest['sha256']}: {pictures} pictures as of {as_of}")
        self._say_code()
        execution = self._start(manifest)
        self._follow(execution)
        return self._compare(execution)

    def _say_code(self) -> None:
        """The pipeline has the code that was deployed last, which need not be that of the package."""
        described = self._sagemaker.describe_pipeline(PipelineName=self._pipeline)
        own = self._metadata["code"].rstrip("/")
        if own in described["PipelineDefinition"]:
            self._say(f"code {own}: that of the package")
            return
        commit = self._metadata.get("git_commit") or "unknown"
        self._say(
            f"code: the pipeline {self._pipeline} has another than the package ({own}); for the very same, "
            f"deploy the commit {commit} first"
        )

    def _start(self, manifest: Document) -> str:
        parameters = {
            "DatasetManifest": self._metadata["dataset_manifest"],
            "AsOf": manifest["as_of"],
            "Seed": self._metadata.get("seed") or _USUAL_SEED,
            "GitCommit": self._metadata.get("git_commit") or "unknown",
            "Register": "no",
        }
        if "seed" not in self._metadata:
            self._say(f"seed: the package does not say which; {_USUAL_SEED}, the usual one")
        version = self._package["ModelPackageVersion"]
        started = self._sagemaker.start_pipeline_execution(
            PipelineName=self._pipeline,
            PipelineExecutionDescription=f"Rebuild of version {version}, registers nothing",
            PipelineParameters=[{"Name": name, "Value": value} for name, value in parameters.items()],
        )
        arn = str(started["PipelineExecutionArn"])
        self._say(f"training: {arn}")
        return arn

    def _follow(self, execution: str) -> None:
        said: dict[str, str] = {}
        while True:
            described = self._sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution)
            self._say_steps(execution, said)
            status = described["PipelineExecutionStatus"]
            if status == "Succeeded":
                return
            if status in ("Failed", "Stopped"):
                reason = described.get("FailureReason", "no reason given")
                raise AuditError(f"the training is {status}: {reason}")
            time.sleep(self._poll_seconds)

    def _say_steps(self, execution: str, said: dict[str, str]) -> None:
        steps = self._sagemaker.list_pipeline_execution_steps(
            PipelineExecutionArn=execution, SortOrder="Ascending"
        )["PipelineExecutionSteps"]
        for step in steps:
            name, status = step["StepName"], step["StepStatus"]
            if said.get(name) != status:
                said[name] = status
                self._say(f"  {name}: {status}")

    def _compare(self, execution: str) -> int:
        before = self._objects.read_json(self._metadata["evaluation"])
        bucket = self._metadata["test_set"].partition("/runs/")[0]
        run = f"{bucket}/runs/{self._metadata['model']}/{execution.rpartition('/')[2]}"
        after = self._objects.read_json(f"{run}/evaluation/evaluation.json")
        if after["dataset"]["manifest_sha256"] != before["dataset"]["manifest_sha256"]:
            raise AuditError(
                f"trained on the data set {after['dataset']['manifest_sha256']}, "
                f"not on {before['dataset']['manifest_sha256']}"
            )
        for line in comparison(before, after):
            self._say(line)
        self._say_model(run)
        return self._conclude(before, after)

    def _say_model(self, run: str) -> None:
        """The archives differ by their times; what counts is the model in them."""
        (archive,) = [uri for uri in self._objects.under(f"{run}/model/") if uri.endswith("/model.tar.gz")]
        registered = self._package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
        old, new = (onnx_of(self._objects.read(uri)) for uri in (registered, archive))
        self._say("model.onnx: the same bytes" if old == new else "model.onnx: other bytes")

    def _conclude(self, before: Document, after: Document) -> int:
        tolerance = self._config.model(self._metadata["model"]).tolerance
        apart = [name for name in task_of(before).metrics if not abs(after[name] - before[name]) <= tolerance]
        if apart:
            verb = "differs" if len(apart) == 1 else "differ"
            self._say(f"{' and '.join(apart)} {verb} by more than the tolerance of {tolerance:g}")
            return 1
        self._say(f"the metrics agree within the tolerance of {tolerance:g}")
        return 0


def comparison(before: Document, after: Document) -> list[str]:
    """Set the metrics of two evaluations side by side: all classes together, then each class."""
    rows = [(name, before[name], after[name]) for name in task_of(before).metrics]
    for label, of_class in before["by_class"].items():
        other = after["by_class"].get(label, {})
        rows += [
            (f"{label} {name}", value, other[name])
            for name, value in of_class.items()
            if isinstance(value, float) and isinstance(other.get(name), float)
        ]
    width = max(len(name) for name, _, _ in rows)
    lines = [f"{'':{width}}  registered  rebuilt  difference"]
    return lines + [f"{name:{width}}  {old:10.4f}  {new:7.4f}  {new - old:+10.4f}" for name, old, new in rows]
