"""Promotions of small stand-in models through the deployed Promotion stack, IAM enforced.

The model answers with its own score and its version; the evaluation asks the endpoint for them.
"""

import io
import json
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from config import Edgeline
from local.cloud.deploy import deploy
from local.cloud.server import LocalCloud
from stacks.accounts import ENVIRONMENTS
from stacks.data_stack import DataStack
from stacks.promotion_stack import PromotionStack
from stacks.serving_stack import ServingStack

ROOT = Path(__file__).parents[2]
NAME = "promotion-test"
GROUP = f"{NAME}-tags"
STAGING, PROD = f"{GROUP}-staging", f"{GROUP}-prod"
PATIENCE_SECONDS = 120

INFERENCE = """
import json, pathlib
def model_fn(model_dir, context=None):
    return json.loads((pathlib.Path(model_dir) / "model.onnx").read_text())
def input_fn(body, content_type, context=None):
    return body
def predict_fn(picture, model, context=None):
    return {**model, "width": 4, "height": 3, "detections": []}
def output_fn(prediction, accept, context=None):
    return json.dumps(prediction), "application/json"
"""
EVALUATE = """
import argparse, boto3, json, pathlib, time
parser = argparse.ArgumentParser()
for name in ("--test", "--dataset", "--output-dir"):
    parser.add_argument(name, type=pathlib.Path)
for name in ("--endpoint", "--role", "--session"):
    parser.add_argument(name)
parser.add_argument("--component", type=json.loads)
parser.add_argument("--evaluation", type=pathlib.Path)
given = parser.parse_args()
manifest = json.loads((given.dataset / "manifest.json").read_text())
picture = (given.test / "images" / "a.jpg").read_bytes()
keys = boto3.client("sts").assume_role(RoleArn=given.role, RoleSessionName=given.session)["Credentials"]
tester = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
runtime = tester.client("sagemaker-runtime")
which = {"InferenceComponentName": given.component} if given.component else {}
began = time.perf_counter()
answer = runtime.invoke_endpoint(
    EndpointName=given.endpoint, ContentType="image/jpeg", Body=picture, **which
)
took = (time.perf_counter() - began) * 1000
score = json.loads(answer["Body"].read())["score"]
report = {
    "map50": score, "map50_95": score, "images": 1, "requests": 1, "latency_ms": {"p50": took, "p95": took},
    "dataset": {"manifest_sha256": manifest["sha256"]}, "source": "endpoint:" + given.endpoint,
    "answers": {"empty_share": 1.0, "mean_score": None},
    "contract": [{"case": "a picture", "expected": "200", "status": 200, "reason": "", "passed": True}],
    "equality": {"passed": True, "pictures": 1, "compared": 0, "different": 0, "allowed": 0,
                 "differences": [], "largest_box_pixels": 0.0, "largest_score": 0.0},
}
given.output_dir.mkdir(parents=True, exist_ok=True)
(given.output_dir / "evaluation.json").write_text(json.dumps(report))
"""


class Line:
    """The deployed stacks, and what a test does with them as root."""

    def __init__(self, cloud: LocalCloud, outputs: dict[str, dict[str, str]]) -> None:
        session = cloud.root_session()
        self.sagemaker, self.states = session.client("sagemaker"), session.client("stepfunctions")
        self.runtime, self._s3 = session.client("sagemaker-runtime"), session.client("s3")
        self.machine = outputs[f"{NAME}-promotion"]["StateMachineArn"]
        self._bucket = outputs[f"{NAME}-data"]["ArtifactsBucket"]
        self._put(
            "code/c0de/pipeline_defs/run_job.sh",
            b'cd "$(dirname "$0")/.." && shift && exec python3 e.py "$@"',
        )
        self._put("code/c0de/e.py", EVALUATE.encode())

    def register(self, *, registered: float, answers: float) -> str:
        """Register a model that was evaluated with one score and answers with another; the package's ARN."""
        run = f"runs/tags/{time.monotonic_ns()}"
        self._put(f"{run}/dataset/manifest.json", json.dumps({"sha256": "abc"}).encode())
        image = {"file": "a.jpg", "width": 4, "height": 3}
        self._put(f"{run}/test/labels.json", json.dumps({"images": [image]}).encode())
        self._put(f"{run}/test/images/a.jpg", b"picture")
        evaluation = {"map50": registered, "map50_95": registered, "images": 1}
        evaluation["dataset"] = {"manifest_sha256": "abc"}
        evaluation["answers"] = {"empty_share": 1.0, "mean_score": None}
        self._put(f"{run}/evaluation/evaluation.json", json.dumps(evaluation).encode())
        self._put(f"{run}/evaluation/predictions.json", b"[]")
        model = json.dumps({"score": answers, "run": run})
        self._put(
            f"{run}/model/train/output/model.tar.gz",
            tar_gz({"model.onnx": model, "code/inference.py": INFERENCE}),
        )
        at = f"s3://{self._bucket}"
        arn = self.sagemaker.create_model_package(
            ModelPackageGroupName=GROUP,
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification={
                "Containers": [
                    {
                        "Image": "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-inference:cpu",
                        "ModelDataUrl": f"{at}/{run}/model/train/output/model.tar.gz",
                        "Environment": {
                            "SAGEMAKER_PROGRAM": "inference.py",
                            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                        },
                    }
                ],
                "SupportedContentTypes": ["image/jpeg"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
            CustomerMetadataProperties={
                "dataset_manifest": f"{at}/{run}/dataset/manifest.json",
                "evaluation": f"{at}/{run}/evaluation/evaluation.json",
                "test_set": f"{at}/{run}/test",
                "dataset": f"{at}/{run}/dataset",
                "code": f"{at}/code/c0de",
                "git_commit": "0123abc",
                "model": "tags",
            },
        )["ModelPackageArn"]
        return str(arn)

    def approve(self, arn: str, approval: str = "Approved") -> None:
        self.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=approval)

    def executions(self) -> list[dict[str, Any]]:
        """All executions, oldest first."""
        found = self.states.list_executions(stateMachineArn=self.machine)["executions"]
        return sorted(found, key=lambda execution: execution["startDate"])

    def settled(self, number: int) -> list[dict[str, Any]]:
        """Wait until `number` executions have been started and all have ended."""

        def ended() -> list[dict[str, Any]]:
            found = self.executions()
            running = any(execution["status"] == "RUNNING" for execution in found)
            return found if len(found) == number and not running else []

        return eventually(ended)

    def result(self, execution: dict[str, Any]) -> dict[str, Any]:
        return self.states.describe_execution(executionArn=execution["executionArn"])

    def serves(self, endpoint: str) -> str:
        """The ARN of the package behind an endpoint, by way of its endpoint config and model."""
        config = self.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
        variant = self.sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"][0]
        model = self.sagemaker.describe_model(ModelName=variant["ModelName"])
        return str(model["PrimaryContainer"]["ModelPackageName"])

    def record(self, arn: str, name: str = "release") -> dict[str, Any]:
        key = f"releases/tags/{arn.rsplit('/', 1)[1]}/{name}.json"
        return json.loads(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read())

    def _put(self, key: str, body: bytes) -> None:
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body)


def tar_gz(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content.encode()))
    return buffer.getvalue()


def eventually(look: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Line:
    assembly = tmp_path_factory.mktemp("promotion")
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(outdir=str(assembly), context=context)
    models = {"tags": {"task": "detection", "classes": ["scratch"]}}
    config = Edgeline.from_values({"name": NAME, "models": models})
    data = DataStack(app, "Data", config=config)
    PromotionStack(app, "Promotion", config=config, artifacts=data.artifacts, key=data.key)
    for environment in ENVIRONMENTS:
        ServingStack(app, f"{environment.capitalize()}Serving", config=config, environment=environment)
    app.synth()
    return Line(cloud, deploy(assembly, cloud))


def test_promotions(line: Line) -> None:
    """One story, for endpoints are slow: each part begins where the one before has left the endpoints."""
    first = line.register(registered=0.9, answers=0.9)
    second = line.register(registered=0.8, answers=0.8)
    assert line.executions() == [], "nothing is promoted without an approval"

    line.approve(first)
    eventually(lambda: len(line.executions()) == 1)
    line.approve(second)
    both = line.settled(2)
    assert [line.result(execution)["status"] for execution in both] == ["SUCCEEDED", "SUCCEEDED"]
    assert [json.loads(line.result(e)["input"])["model_package_arn"] for e in both] == [first, second]
    assert (line.serves(STAGING), line.serves(PROD)) == (second, second)
    releases = [line.record(arn) for arn in (first, second)]
    assert [release["outcome"] for release in releases] == ["promoted", "promoted"]
    assert releases[1]["prod"]["config_before"] == releases[0]["prod"]["deployed"]["config"]
    assert releases[0]["dataset"]["sha256"] == "abc"

    line.approve(first, "Rejected")
    line.approve(first)
    again = line.settled(3)[-1]
    assert line.result(again)["status"] == "SUCCEEDED"
    assert (line.serves(STAGING), line.serves(PROD)) == (first, first), "the older is what was approved"
    assert line.record(first, f"release-{again['name']}")["outcome"] == "promoted"

    worse = line.register(registered=0.9, answers=0.5)
    line.approve(worse)
    failed = line.result(line.settled(4)[-1])
    assert (failed["status"], failed["error"]) == ("FAILED", "StagingTestFailed")
    assert "map50 is 0.5000, registered 0.9000" in failed["cause"]
    assert (line.serves(STAGING), line.serves(PROD)) == (first, first)
    assert line.record(worse)["outcome"] == "StagingTestFailed"
    described = line.sagemaker.describe_model_package(ModelPackageName=worse)
    assert described["ModelApprovalStatus"] == "Approved", "what a person decided is left to people"
