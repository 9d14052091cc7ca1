"""A tiny model behind endpoints with the inference code that is shipped, and the staging test to ask them."""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tiny_detector import write_tiny_model
from waiting import eventually

from lambdas.promotion.judge_staging import Limits, differences
from local.cloud.server import LocalCloud
from pipeline_defs.common.packaging import DETECTION, entry_point, pack_serving_code
from pipeline_defs.detection.dataset import Box, LabeledPicture, Split, write_labels

CLASSES = ("bright", "dim")
ROOT = Path(__file__).parents[2]
SERVERLESS = {"ServerlessConfig": {"MemorySizeInMB": 3072, "MaxConcurrency": 2}}
REALTIME = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
LIMITS = Limits(tolerance=0.02, p95_ms=2000)
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


class Bench:
    """A test set, the training's evaluation of the tiny model on it, and endpoints that serve the model."""

    script: Sequence[str] = ("pipeline_defs.detection.scripts.evaluate",)

    def __init__(self, cloud: LocalCloud, folder: Path) -> None:
        self._cloud, self._folder = cloud, folder
        session = cloud.root_session()
        self._sagemaker, self._s3 = session.client("sagemaker"), session.client("s3")
        self._role = self._make_bucket_and_role(session.client("iam"))
        self._write_data_set(folder)
        self.archive = self._pack(folder)
        self.registered = self.evaluate("evaluation", "--model-dir", str(self.archive))

    def _write_data_set(self, folder: Path) -> None:
        write_data_set(folder, CLASSES)

    def _pack(self, folder: Path, fault: str = "") -> Path:
        return pack_model(folder, CLASSES, fault)

    def evaluate(self, output: str, *source: str) -> dict[str, Any]:
        """Run the script as a job does, as root."""
        command = [sys.executable, "-m", *self.script, *source]
        for name in ("test", "dataset"):
            command += [f"--{name}", str(self._folder / name)]
        environment = {**os.environ, **self._cloud.environment(self._cloud.root)}
        run = subprocess.run(
            [*command, "--output-dir", str(self._folder / output)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert run.returncode == 0, run.stderr
        return dict(json.loads((self._folder / output / "evaluation.json").read_text()))

    def test(self, endpoint: str, component: str | None = None) -> dict[str, Any]:
        """Run the staging test."""
        arguments = ["--endpoint", endpoint, "--component", json.dumps(component)]
        arguments += ["--evaluation", str(self._folder / "evaluation")]
        return self.evaluate(f"staging-{endpoint}", *arguments)

    def problems(self, endpoint: str, limits: Limits = LIMITS) -> list[str]:
        """Run the staging test and judge it."""
        return differences(self.registered, self.test(endpoint), endpoint=endpoint, limits=limits)

    def serve(self, fault: str = "", variant: dict[str, Any] | None = None) -> str:
        """Make an endpoint of the model, with a fault in its code, and wait for it."""
        name = self._make_model(fault)
        return self._make_endpoint(name, {"ModelName": name, **(variant or SERVERLESS)})

    def serve_component(self) -> str:
        """Make an endpoint of which a component of the same name is the model."""
        name = self._make_model("")
        self._make_endpoint(name, REALTIME, ExecutionRoleArn=self._role)
        self._sagemaker.create_inference_component(
            InferenceComponentName=name,
            EndpointName=name,
            VariantName="AllTraffic",
            Specification={
                "ModelName": name,
                "ComputeResourceRequirements": {
                    "NumberOfCpuCoresRequired": 1,
                    "MinMemoryRequiredInMb": 1024,
                },
            },
            RuntimeConfig={"CopyCount": 1},
        )
        component = self._sagemaker.describe_inference_component
        eventually(lambda: component(InferenceComponentName=name)["InferenceComponentStatus"] == "InService")
        return name

    def _make_model(self, fault: str) -> str:
        name = f"bench-{uuid.uuid4().hex[:8]}"
        key = f"{name}/model.tar.gz"
        self._s3.upload_file(str(self._pack(self._folder, fault)), self._bucket, key)
        container = {
            "Image": "image",
            "ModelDataUrl": f"s3://{self._bucket}/{key}",
            "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
        }
        self._sagemaker.create_model(ModelName=name, ExecutionRoleArn=self._role, PrimaryContainer=container)
        return name

    def _make_endpoint(self, name: str, variant: dict[str, Any], **config: Any) -> str:
        settings = {"VariantName": "AllTraffic", **variant}
        self._sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[settings], **config
        )
        self._sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        endpoint = self._sagemaker.describe_endpoint
        eventually(lambda: endpoint(EndpointName=name)["EndpointStatus"] == "InService")
        return name

    def end(self, endpoint: str) -> None:
        """Delete the endpoint, and before it what it hosts, which takes a moment."""
        for component in self._components(endpoint):
            self._sagemaker.delete_inference_component(InferenceComponentName=component)
        eventually(lambda: not self._components(endpoint))
        self._sagemaker.delete_endpoint(EndpointName=endpoint)

    def _components(self, endpoint: str) -> list[str]:
        found = self._sagemaker.list_inference_components(EndpointNameEquals=endpoint)
        return [component["InferenceComponentName"] for component in found["InferenceComponents"]]

    def _make_bucket_and_role(self, iam: Any) -> str:
        self._bucket = f"bench-{uuid.uuid4().hex[:10]}"
        self._s3.create_bucket(
            Bucket=self._bucket, CreateBucketConfiguration={"LocationConstraint": self._cloud.region}
        )
        role = iam.create_role(RoleName=self._bucket, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
        bucket = f"arn:aws:s3:::{self._bucket}"
        allowed = [
            {
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:ListBucket"],
                "Resource": [bucket, f"{bucket}/*"],
            },
            {"Effect": "Allow", "Action": "logs:*", "Resource": "arn:aws:logs:*:*:*"},
        ]
        policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
        iam.put_role_policy(RoleName=self._bucket, PolicyName="p", PolicyDocument=policy)
        return str(role["Arn"])


def pack_model(folder: Path, classes: tuple[str, str], fault: str = "") -> Path:
    """Make a model.tar.gz as the training does, with a fault in its code."""
    unpacked = folder / f"model-{uuid.uuid4().hex[:8]}"
    unpacked.mkdir()
    metadata = {"classes": json.dumps(classes), "input_height": "32", "input_width": "64"}
    write_tiny_model(unpacked / "model.onnx", metadata)
    pack_serving_code(unpacked, serving=DETECTION)
    (unpacked / "code" / "inference.py").write_text(entry_point(DETECTION) + fault)
    archive = unpacked.with_suffix(".tar.gz")
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(unpacked, ".")
    return archive


def write_data_set(folder: Path, classes: tuple[str, str]) -> None:
    """Write `test` and `dataset`: three dark pictures, each with a bright cell that the model finds."""
    test, dataset = folder / "test", folder / "dataset"
    (test / "images").mkdir(parents=True)
    dataset.mkdir()
    pictures = tuple(_picture(test, number, classes[0]) for number in range(3))
    manifest = {"as_of": "2026-01-01T00:00:00Z", "images": [picture.sha256 for picture in pictures]}
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    sha256 = hashlib.sha256(canonical).hexdigest()
    (dataset / "manifest.json").write_text(json.dumps({**manifest, "sha256": sha256}))
    write_labels(Split(test, classes, pictures, sha256))


def _picture(folder: Path, number: int, label: str) -> LabeledPicture:
    left = 32 * number
    pixels = np.full((64, 128, 3), 20, dtype=np.uint8)
    pixels[:32, left : left + 32] = 250
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    content, file = buffer.getvalue(), f"images/{number}.png"
    (folder / file).write_bytes(content)
    return LabeledPicture(
        file=file,
        sha256=hashlib.sha256(content).hexdigest(),
        uri=f"s3://images/{number}.png",
        width=128,
        height=64,
        group=str(number),
        boxes=(Box(label, left, 0, 32, 32),),
    )
