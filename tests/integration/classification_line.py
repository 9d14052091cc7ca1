"""The Data and Training stacks of a tree of models, and its pipelines built and run as CodeBuild does it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from training_line import ROOT, deploy_training

from config import Edgeline
from local.cloud.server import LocalCloud

PARENT, CHILD, EMPTY = "species", "flowers", "birds"
COLOURS = {"rose": (200, 40, 60), "violet": (120, 60, 200), "moss": (40, 140, 60)}
_PATIENCE_SECONDS = 1500
_SHARED: dict[str, Any] = {
    "task": "classification",
    "epochs": 2,
    "input_size": 32,
    "top1_threshold": 0.0,
    "tuning": {"jobs": 2, "parallel": 2, "epochs": 1, "share": 1.0, "width": [8, 12]},
    "quality": {"min_side": 16, "min_pictures": 5, "near_duplicate_bits": 0},
}
MODELS: dict[str, dict[str, Any]] = {
    PARENT: {**_SHARED, "classes": ["moss"], "spot": True},
    CHILD: {"task": "classification", "parent": PARENT, "classes": ["rose", "violet"], **_SHARED},
    EMPTY: {**_SHARED, "classes": ["wren", "robin"]},
}


class ClassificationLine:
    """The deployed stacks, the pictures, and the build that makes and starts a pipeline."""

    def __init__(self, cloud: LocalCloud, folder: Path, name: str) -> None:
        self.cloud, self.name = cloud, name
        config = Edgeline.from_values({"name": name, "models": MODELS, "parts": ["training"]})
        self.data, self.training = deploy_training(cloud, folder, config)
        self._root = cloud.root_session()
        self.s3, self.sagemaker = self._root.client("s3"), self._root.client("sagemaker")
        found = [path for path in folder.rglob("models.json") if (path.parent / "pipeline_defs").is_dir()]
        self._models = found[0]  # the same in the sources of every model's pipeline

    def upload(self, class_name: str, count: int) -> None:
        """Upload noisy pictures of the class's colour, each like no other."""
        for number in range(count):
            noise = np.random.default_rng(number).integers(-40, 40, (48, 40, 3))
            pixels = np.clip(np.array(COLOURS[class_name]) + noise, 0, 255).astype(np.uint8)
            stream = io.BytesIO()
            Image.fromarray(pixels).save(stream, "JPEG")
            key = f"images/{PARENT}/{class_name}/{number}.jpg"
            self.s3.put_object(Bucket=self.data["ImagesBucket"], Key=key, Body=stream.getvalue())

    def build(self, model: str, *more: str) -> tuple[dict[str, Any], str]:
        """Run `python -m pipeline_defs.upsert --start` in the build's role; its answer and what it told."""
        project = self._project()
        role = self.cloud.service_credentials(project["serviceRole"], "codebuild.amazonaws.com", "build")
        given = {each["name"]: each["value"] for each in project["environment"]["environmentVariables"]}
        environment = self.cloud.environment(role) | given | {"MODEL_CONFIG_FILE": str(self._models)}
        done = subprocess.run(
            [sys.executable, "-m", "pipeline_defs.upsert", "--model", model, "--start", *more],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer, done.stderr

    def ended(self, execution: str) -> dict[str, dict[str, Any]]:
        """Wait for the end of an execution; its steps by name, or AssertionError with why it failed."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while self._status(execution) in ("Executing", "Stopping"):
            assert time.monotonic() < end, "the pipeline does not end"
            time.sleep(0.5)
        listed = self.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution)
        steps = {step["StepName"]: step for step in listed["PipelineExecutionSteps"]}
        failed = {name: step.get("FailureReason") for name, step in steps.items()}
        assert self._status(execution) == "Succeeded", failed
        return steps

    def read(self, uri: str) -> Any:
        """A JSON document on S3."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return json.loads(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def keys(self, prefix: str) -> list[str]:
        """What the artifacts bucket has below a prefix."""
        found = self.s3.list_objects_v2(Bucket=self.data["ArtifactsBucket"], Prefix=prefix)
        return [each["Key"] for each in found.get("Contents", [])]

    def _status(self, execution: str) -> str:
        found = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution)
        return str(found["PipelineExecutionStatus"])

    def _project(self) -> dict[str, Any]:
        codebuild = self._root.client("codebuild")
        stacks = self._root.client("cloudformation")
        listed = stacks.describe_stack_resources(StackName=f"{self.name}-training")["StackResources"]
        (own,) = (
            each["PhysicalResourceId"] for each in listed if each["ResourceType"] == "AWS::CodeBuild::Project"
        )
        project: dict[str, Any] = codebuild.batch_get_projects(names=[own])["projects"][0]
        return project
