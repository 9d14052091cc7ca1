"""Packages that wait for approval, asked about through the deployed state machine with IAM enforced.

The stand-in models are their own score; the stand-in evaluation says of a model what its file says.
"""

import json
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from archives import tar_gz
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from faults.stand_in import package_of
from staging_bench import CLASSES, pack_model, write_data_set
from waiting import eventually

from config import Edgeline
from local.cloud.deploy import deploy
from local.cloud.server import LocalCloud
from pipeline_defs.common.sources import Sources
from pipeline_defs.detection.scripts import evaluate
from stacks.constructs.approval_request import ApprovalRequest
from stacks.constructs.promotion_functions import MODELS_FILE, PromotionFunctions, configured_models
from stacks.constructs.python_function import pack_with_functions
from stacks.data_stack import DataStack
from stacks.serving_stack import ServingStack

ROOT = Path(__file__).parents[2]
NAME = "requests"
GROUP = f"{NAME}-tags"
PROD = f"{GROUP}-prod"

RUN_JOB = 'cd "$(dirname "$0")/.." && shift && exec python3 e.py "$@"'
EVALUATE = """
import argparse, json, pathlib, sys, tarfile
parser = argparse.ArgumentParser()
for name in ("--test", "--dataset", "--output-dir", "--model-dir"):
    parser.add_argument(name, type=pathlib.Path)
given = parser.parse_args()
archive = tarfile.open(given.model_dir / "model.tar.gz")
evaluated = json.loads(archive.extractfile("model.onnx").read())
assert (given.test / "images" / "a.png").is_file() and (given.dataset / "manifest.json").is_file()
given.output_dir.mkdir(parents=True, exist_ok=True)
for name, document in evaluated.items():
    (given.output_dir / name).write_text(json.dumps(document))
"""
BROKEN = "import sys; sys.exit('this rule cannot read that model')"
INFERENCE = """
def model_fn(model_dir, context=None): return None
def input_fn(body, content_type, context=None): return body
def predict_fn(picture, model, context=None): return {}
def output_fn(prediction, accept, context=None): return "{}", "application/json"
"""


class Requests:
    """The deployed stacks, and what a test does with them as root."""

    def __init__(self, cloud: LocalCloud, outputs: dict[str, dict[str, str]]) -> None:
        session = cloud.root_session()
        self.sagemaker, self.states = session.client("sagemaker"), session.client("stepfunctions")
        self.sqs, self._s3 = session.client("sqs"), session.client("s3")
        self.machine, self._queue = (outputs[f"{NAME}-requests"][key] for key in ("Machine", "Queue"))
        self._bucket = outputs[f"{NAME}-data"]["ArtifactsBucket"]
        self._model_role = f"arn:aws:iam::{cloud.account}:role/{NAME}-prod-model"

    def register(self, score: float, *, script: str = EVALUATE) -> str:
        """Register a model of this score; its package's ARN."""
        mark = str(time.monotonic_ns())
        run, code = f"runs/tags/{mark}", f"code/{mark}"
        evaluated = evaluation(score)
        objects: dict[str, bytes | str] = {
            f"{code}/pipeline_defs/run_job.sh": RUN_JOB,
            f"{code}/e.py": script,
            f"{run}/dataset/manifest.json": json.dumps(manifest(mark)),
            f"{run}/test/labels.json": json.dumps({"images": []}),
            f"{run}/test/images/a.png": png(),
            f"{run}/model/train/output/model.tar.gz": tar_gz(
                {"model.onnx": json.dumps(evaluated), "code/inference.py": INFERENCE}
            ),
        }
        for name, document in evaluated.items():
            objects[f"{run}/evaluation/{name}"] = json.dumps(document)
        for key, body in objects.items():
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=body)
        return self._create_package(f"s3://{self._bucket}", run, code)

    def _create_package(self, at: str, run: str, code: str) -> str:
        made = self.sagemaker.create_model_package(**package_of(GROUP, at, run, code))
        return str(made["ModelPackageArn"])

    def register_detector(self, folder: Path) -> str:
        """Register a real detector, small as it is, with the code that evaluates it; its package's ARN."""
        folder.mkdir()
        write_data_set(folder, CLASSES)
        archive = pack_model(folder, CLASSES)
        read = [f"--{name}={folder / name}" for name in ("test", "dataset")]
        evaluate.main([f"--model-dir={archive}", *read, f"--output-dir={folder / 'evaluation'}"])
        run, sources = f"runs/tags/{time.monotonic_ns()}", Sources.collect(ROOT)
        sources.upload(self._s3, self._bucket)
        self._s3.upload_file(str(archive), self._bucket, f"{run}/model/train/output/model.tar.gz")
        for name in ("test", "dataset", "evaluation"):
            for path in (path for path in (folder / name).rglob("*") if path.is_file()):
                self._s3.upload_file(str(path), self._bucket, f"{run}/{path.relative_to(folder)}")
        return self._create_package(f"s3://{self._bucket}", run, sources.prefix.rstrip("/"))

    def serve(self, arn: str) -> None:
        """Let prod serve a package, as a promotion would in the end."""
        name = f"{PROD}-{arn.rpartition('/')[2]}"
        self.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
        self.sagemaker.create_model(
            ModelName=name, PrimaryContainer={"ModelPackageName": arn}, ExecutionRoleArn=self._model_role
        )
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": name,
            "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 1},
        }
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        there = self.sagemaker.list_endpoints(NameContains=PROD)["Endpoints"]
        change = self.sagemaker.update_endpoint if there else self.sagemaker.create_endpoint
        change(EndpointName=PROD, EndpointConfigName=name)
        eventually(
            lambda: self.sagemaker.describe_endpoint(EndpointName=PROD)["EndpointStatus"] == "InService"
        )

    def executions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.states.list_executions(stateMachineArn=self.machine)["executions"]
        return found

    def ended(self, number: int) -> list[str]:
        """Wait until so many executions have been started and all have ended; how they ended."""

        def look() -> list[str]:
            statuses = [execution["status"] for execution in self.executions()]
            return statuses if len(statuses) == number and "RUNNING" not in statuses else []

        return list(eventually(look))

    def notice(self) -> dict[str, str]:
        """Wait for the next notice."""

        def look() -> Any:
            return self.sqs.receive_message(QueueUrl=self._queue).get("Messages")

        [message] = eventually(look)
        self.sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return dict(json.loads(message["Body"]))

    def page(self, arn: str) -> str:
        key = f"releases/tags/{arn.rsplit('/', 1)[1]}/approval.html"
        return str(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read().decode())


def evaluation(score: float) -> dict[str, Any]:
    """What the evaluation of a model of this score leaves: it is as sure as it is good."""
    curve = [{"recall": step / 100, "precision": score, "score": score} for step in range(101)]
    row = {"ap50": score, "ap50_95": score / 2, "boxes": 1, "true_positives": 1}
    prediction = {
        "file": "images/a.png",
        "sha256": "aa",
        "uri": "s3://images/a.png",
        "width": 8,
        "height": 6,
        "truth": [{"label": "scratch", "left": 1, "top": 1, "width": 4, "height": 4}],
        "detections": [{"label": "scratch", "score": score, "box": [5, 0, 8, 1]}],
    }
    report = {
        "map50": score,
        "map50_95": score / 2,
        "images": 1,
        "boxes": 1,
        "by_class": {"scratch": {**row, "false_positives": 1, "false_negatives": 1}},
        "precision_recall": {"scratch": curve},
        "latency_ms": {"p50": 1.0, "p95": 1.5},
        "dataset": {"manifest_sha256": "abc", "as_of": "2026-11-21T03:15:28Z"},
        "source": "model",
    }
    return {"evaluation.json": report, "predictions.json": [prediction]}


def manifest(mark: str) -> dict[str, Any]:
    images = [{"sha256": "aa", "split": "test", "boxes": []}, {"sha256": mark, "split": "train", "boxes": []}]
    return {"sha256": "abc", "as_of": "2026-11-21T03:15:28Z", "images": images, "set_aside": []}


def png() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header, rows = struct.pack(">IIBBBBB", 8, 6, 8, 0, 0, 0, 0), zlib.compress((b"\0" + b"\x80" * 8) * 6)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def requests(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Requests:
    assembly = tmp_path_factory.mktemp("requests")
    app = cdk.App(outdir=str(assembly), context=json.loads((ROOT / "cdk.json").read_text())["context"])
    models = {"tags": {"task": "detection", "classes": ["scratch"]}}
    config = Edgeline.from_values({"name": NAME, "models": models})
    data = DataStack(app, "Data", config=config)
    kept = {"artifacts": data.artifacts, "key": data.key}
    stack = cdk.Stack(app, "Requests", stack_name=f"{NAME}-requests")
    pack_with_functions(stack, "promotion", {MODELS_FILE: configured_models(config)})
    topic, queue = sns.Topic(stack, "Notices"), sqs.Queue(stack, "Inbox")
    topic.add_subscription(subscriptions.SqsSubscription(queue))
    made = ApprovalRequest(
        stack,
        "ApprovalRequest",
        name=NAME,
        groups=[GROUP],
        functions=PromotionFunctions(stack, "Functions", config=config, **kept),
        topic=topic,
        tags={"project": NAME},
        **kept,
    )
    cdk.CfnOutput(stack, "Machine", value=made.machine.state_machine_arn)
    cdk.CfnOutput(stack, "Queue", value=queue.queue_url)
    for environment in ("staging", "prod"):
        ServingStack(app, f"{environment.capitalize()}Serving", config=config, environment=environment)
    app.synth()
    return Requests(cloud, deploy(assembly, cloud))


def test_requests_for_approval(requests: Requests) -> None:
    """One story, for an endpoint is slow: each part begins where the one before has left prod."""
    first = requests.register(0.7)
    assert requests.ended(1) == ["SUCCEEDED"]
    ended = requests.states.describe_execution(executionArn=requests.executions()[0]["executionArn"])
    assert json.loads(ended["output"])["page"]["page"].endswith("/releases/tags/1/approval.html")
    page = requests.page(first)
    assert "Prod serves nothing yet" in page
    assert "data:image/png;base64," in page
    notice = requests.notice()
    assert notice["Subject"] == "Approve tags, version 1?"
    assert "/releases/tags/1/approval.html" in notice["Message"]
    assert f"--model-package-arn {first} --model-approval-status Approved" in notice["Message"]

    requests.serve(first)
    assert len(requests.executions()) == 1, "an approval asks nobody"

    second = requests.register(0.8)
    assert requests.ended(2) == ["SUCCEEDED", "SUCCEEDED"]
    page = requests.page(second)
    assert "mAP50 is 0.800, higher than 0.700 of version 1 in prod on the same pictures." in page
    assert "+0.100" in page
    assert "in prod (version 1) 0.700" in requests.notice()["Message"]

    third = requests.register(0.9, script=BROKEN)
    assert requests.ended(3) == ["SUCCEEDED"] * 3
    page = requests.page(third)
    assert "The comparison with version 1, which prod serves, failed: the job " in page
    assert "0.900" in page
    assert "failed: the job" in requests.notice()["Message"]


@pytest.mark.acceptance
def test_a_real_detector_is_compared_by_the_code_that_is_shipped(requests: Requests, tmp_path: Path) -> None:
    before = len(requests.executions())
    requests.serve(requests.register_detector(tmp_path / "first"))
    new = requests.register_detector(tmp_path / "second")
    assert set(requests.ended(before + 2)) == {"SUCCEEDED"}
    page = requests.page(new)
    assert "mAP50 is 1.000, the same as 1.000 of version" in page
    assert "No mistake on 3 pictures." in page
    assert "By size of the object" in page
