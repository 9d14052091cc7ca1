"""The staging test as it runs in its job, against real endpoints with the real inference code, and faults.

Behind each endpoint is the archive that the training packs. A fault is in the archive's own inference.py.
"""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_detector import write_tiny_model

from lambdas.promotion.judge_staging import Limits, differences
from local.cloud.server import LocalCloud
from pipeline_defs.detection.dataset import Box, LabeledPicture, Split, write_labels
from pipeline_defs.detection.packaging import ENTRY_POINT, pack_serving_code

pytestmark = pytest.mark.acceptance

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
MOVED = """
import dataclasses
from detector_code import serving
def predict_fn(request, model):
    answer = serving.predict_fn(request, model)
    found = [dataclasses.replace(d, box=(d.box[0] + 3, *d.box[1:])) for d in answer.detections]
    return dataclasses.replace(answer, detections=found)
"""
MISSING = """
import dataclasses
from detector_code import serving
def predict_fn(request, model):
    answer = serving.predict_fn(request, model)
    return dataclasses.replace(answer, detections=answer.detections[1:])
"""
SLOW = """
import time
from detector_code import serving
def predict_fn(request, model):
    time.sleep(0.15)
    return serving.predict_fn(request, model)
"""
SERVER_ERROR = """
from detector_code import serving
def input_fn(body, content_type, context):
    try:
        return serving.input_fn(body, content_type, context)
    except serving.RequestError as error:
        raise ValueError(error.message)
"""
DIES = """
import os
from detector_code import serving
def input_fn(body, content_type, context):
    try:
        return serving.input_fn(body, content_type, context)
    except serving.RequestError as error:
        os._exit(9)
"""


class Bench:
    """A test set, the training's evaluation of the tiny model on it, and endpoints that serve the model."""

    def __init__(self, cloud: LocalCloud, folder: Path) -> None:
        self._cloud, self._folder = cloud, folder
        session = cloud.root_session()
        self._sagemaker, self._s3 = session.client("sagemaker"), session.client("s3")
        self._role = self._make_bucket_and_role(session.client("iam"))
        _write_split(folder / "test")
        (folder / "dataset").mkdir()
        (folder / "dataset" / "manifest.json").write_text(json.dumps({"sha256": "cd" * 32, "as_of": "now"}))
        self.archive = self._pack("")
        self.registered = self.evaluate("evaluation", "--model-dir", str(self.archive))

    def evaluate(self, output: str, *source: str) -> dict[str, Any]:
        """Run the script as a job does, as root."""
        command = [sys.executable, "-m", "pipeline_defs.detection.scripts.evaluate", *source]
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

    def test(self, endpoint: str) -> dict[str, Any]:
        """Run the staging test."""
        trained = str(self._folder / "evaluation")
        arguments = ("--endpoint", endpoint, "--component", "null", "--evaluation", trained)
        return self.evaluate(f"staging-{endpoint}", *arguments)

    def problems(self, endpoint: str, limits: Limits = LIMITS) -> list[str]:
        """Run the staging test and judge it."""
        return differences(self.registered, self.test(endpoint), endpoint=endpoint, limits=limits)

    def serve(self, fault: str = "", variant: dict[str, Any] | None = None) -> str:
        """Make an endpoint of the model, with a fault in its code, and wait for it."""
        name = f"bench-{uuid.uuid4().hex[:8]}"
        key = f"{name}/model.tar.gz"
        self._s3.upload_file(str(self._pack(fault)), self._bucket, key)
        container = {
            "Image": "image",
            "ModelDataUrl": f"s3://{self._bucket}/{key}",
            "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
        }
        self._sagemaker.create_model(ModelName=name, ExecutionRoleArn=self._role, PrimaryContainer=container)
        settings = {"VariantName": "AllTraffic", "ModelName": name, **(variant or SERVERLESS)}
        self._sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[settings])
        self._sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        end = time.monotonic() + 60
        while self._status(name) != "InService":
            assert time.monotonic() < end, "the endpoint does not come into service"
            time.sleep(0.1)
        return name

    def end(self, endpoint: str) -> None:
        self._sagemaker.delete_endpoint(EndpointName=endpoint)

    def _status(self, name: str) -> str:
        return str(self._sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"])

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

    def _pack(self, fault: str) -> Path:
        folder = self._folder / f"model-{uuid.uuid4().hex[:8]}"
        folder.mkdir()
        write_tiny_model(folder / "model.onnx")
        pack_serving_code(folder)
        (folder / "code" / "inference.py").write_text(ENTRY_POINT + fault)
        archive = folder.with_suffix(".tar.gz")
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(folder, ".")
        return archive


def _write_split(folder: Path) -> None:
    """Three dark pictures, each with a bright cell of the model's grid, which it finds exactly."""
    (folder / "images").mkdir(parents=True)
    pictures = []
    for number in range(3):
        left = 32 * number
        pixels = np.full((64, 128, 3), 20, dtype=np.uint8)
        pixels[:32, left : left + 32] = 250
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        content = buffer.getvalue()
        file = f"images/{number}.png"
        (folder / file).write_bytes(content)
        pictures.append(
            LabeledPicture(
                file=file,
                sha256=hashlib.sha256(content).hexdigest(),
                uri=f"s3://images/{number}.png",
                width=128,
                height=64,
                group=str(number),
                boxes=(Box("bright", left, 0, 32, 32),),
            )
        )
    write_labels(Split(folder, ("bright", "dim"), tuple(pictures), "cd" * 32))


@pytest.fixture(scope="module")
def bench(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(cloud, tmp_path_factory.mktemp("bench"))


@pytest.fixture
def serve(bench: Bench) -> Iterator[Any]:
    """Serve the model, and leave no endpoint behind."""
    names: list[str] = []

    def make(*arguments: Any) -> str:
        names.append(bench.serve(*arguments))
        return names[-1]

    yield make
    for name in names:
        bench.end(name)


def test_the_training_registers_what_staging_is_compared_with(bench: Bench) -> None:
    assert bench.registered["map50"] == 1.0
    assert bench.registered["answers"]["empty_share"] == 0.0
    assert bench.registered["answers"]["mean_score"] > 0.9
    assert bench.registered["by_size"]["large"]["boxes"] == 3
    assert bench.registered["model_sha256"] == hashlib.sha256(bench.archive.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("variant", "refuses"),
    [(SERVERLESS, (400, "oversize")), (REALTIME, (413, "6291457 bytes"))],
    ids=["serverless", "realtime"],
)
def test_the_inference_code_that_is_shipped_passes(
    bench: Bench, serve: Any, variant: dict[str, Any], refuses: tuple[int, str]
) -> None:
    endpoint = serve("", variant)
    measured = bench.test(endpoint)
    assert differences(bench.registered, measured, endpoint=endpoint, limits=LIMITS) == []
    findings = {finding["case"]: finding for finding in measured["contract"]}
    assert len(findings) == 17
    status, reason = refuses
    assert findings["a body that is too large"]["status"] == status
    assert reason in findings["a body that is too large"]["reason"]
    assert findings["an empty body"]["reason"] == "bad picture: the file is empty"
    assert findings["a JPEG that is cut off"]["reason"].startswith("bad picture: damaged or truncated")
    assert findings["a picture of too many pixels"]["reason"].startswith("bad picture: more pixels than")
    assert measured["equality"]["compared"] == 3
    assert measured["equality"]["largest_box_pixels"] == 0
    assert measured["requests"] == 100


def test_a_box_that_is_moved_by_a_few_pixels_is_found(bench: Bench, serve: Any) -> None:
    """Its IoU of .91 is still a hit for mAP50: only the comparison sees it."""
    problems = bench.problems(serve(MOVED), Limits(tolerance=0.3, p95_ms=2000))
    assert len(problems) == 1
    assert problems[0].startswith("equality: 3 of 3 detections are not the training's, 0 may differ: images/")
    assert "is found 3.00 pixels off" in problems[0]


def test_a_detection_that_is_missing_is_found(bench: Bench, serve: Any) -> None:
    problems = bench.problems(serve(MISSING))
    assert [problem for problem in problems if problem.startswith("map50 is 0.0000")]
    assert [problem for problem in problems if "is missing" in problem]


def test_an_endpoint_that_is_slow_is_found(bench: Bench, serve: Any) -> None:
    problems = bench.problems(serve(SLOW), Limits(tolerance=0.02, p95_ms=100))
    assert len(problems) == 1
    assert problems[0].startswith("the 95th percentile of 100 answers is 1")
    assert problems[0].endswith("ms, p95_ms is 100")


def test_a_500_instead_of_a_400_is_found_for_each_case(bench: Bench, serve: Any) -> None:
    problems = bench.problems(serve(SERVER_ERROR, REALTIME))
    assert len(problems) == 9
    assert "contract: an empty body should get 4xx, got 500: bad picture: the file is empty" in problems
    assert any(problem.startswith("contract: JSON should get 415, got 500") for problem in problems)


def test_an_endpoint_that_dies_of_a_bad_picture_is_found(bench: Bench, serve: Any) -> None:
    problems = bench.problems(serve(DIES))
    assert problems
    assert all(problem.startswith("contract: ") for problem in problems)
    assert any(problem.startswith("contract: no picture should get 400, got ") for problem in problems)
