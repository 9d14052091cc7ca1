"""What a picture shows, asked at the deployed API: a parent and a child behind it, IAM enforced."""

from __future__ import annotations

import io
import json
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import boto3
import pytest
from PIL import Image
from tiny_classifier import card, expects, write_tiny_classifier
from waiting import eventually

from config import Edgeline
from local.cloud.addresses import served_at
from local.cloud.deploy import deploy
from local.cloud.server import LocalCloud
from local.species.application import Application, Reply
from pipeline_defs.common.packaging import CLASSIFICATION, pack_serving_code
from stacks.serving_stack import ServingStack

ROOT = Path(__file__).parents[2]
NAME = "recognition-test"
# A model answers with the label of the strongest colour: red, green, then blue.
FLOWERS = ("poppy", "clover")
MODELS = {
    "species": {"task": "classification", "classes": ["moss", "gentian"], "min_score": 0.5},
    "flowers": {"task": "classification", "parent": "species", "classes": [*FLOWERS], "min_score": 0.8},
}


def picture(red: int, green: int, blue: int, encoding: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (red, green, blue)).save(buffer, encoding)
    return buffer.getvalue()


RED, GREEN, GRAY = picture(250, 0, 0), picture(0, 250, 0), picture(90, 90, 90)


class Line:
    """The serving stack of prod, its endpoints as a promotion would make them, and who asks.

    `before` is what the API said when there was no endpoint yet.
    """

    before: Reply

    def __init__(self, cloud: LocalCloud, folder: Path) -> None:
        self.cloud, self._folder = cloud, folder
        app = cdk.App(
            context=json.loads((ROOT / "cdk.json").read_text())["context"], outdir=str(folder / "out")
        )
        values = {"name": NAME, "parts": ["training", "promotion"], "models": MODELS}
        ServingStack(app, "Serving", config=Edgeline.from_values(values), environment="prod")
        app.synth()
        self.outputs = deploy(folder / "out", cloud)[f"{NAME}-prod-serving"]
        self.url = served_at(cloud.url, self.outputs["RecognizeUrl"])
        self.sagemaker, self.s3 = (cloud.root_session().client(name) for name in ("sagemaker", "s3"))
        # The artifacts bucket by its name, which the role of the models may read.
        self.bucket = f"{NAME}-artifacts-{cloud.account}-{cloud.region}"
        self.s3.create_bucket(
            Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": cloud.region}
        )
        self.app = Application(self.caller("app", "RecognizerPolicyArn"), self.url)

    def caller(self, name: str, policy: str) -> boto3.Session:
        return self.cloud.session(self.cloud.user(f"{NAME}-{name}", [self.outputs[policy]]))

    def serve(self, model: str, **about: Any) -> None:
        """Put a tiny model behind its endpoint, or another one there."""
        name = f"{NAME}-{model}-prod"
        release = f"{name}-{uuid.uuid4().hex[:6]}"
        key = f"runs/{model}/{release}/model.tar.gz"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=self._packed(release, about))
        container = {
            "Image": "image", "ModelDataUrl": f"s3://{self.bucket}/{key}",
            "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
        }  # fmt: skip
        role = f"arn:aws:iam::{self.cloud.account}:role/{NAME}-prod-model"
        self.sagemaker.create_model(ModelName=release, ExecutionRoleArn=role, PrimaryContainer=container)
        serverless = {"MemorySizeInMB": 3072, "MaxConcurrency": 5}
        variant = {"VariantName": "AllTraffic", "ModelName": release, "ServerlessConfig": serverless}
        self.sagemaker.create_endpoint_config(EndpointConfigName=release, ProductionVariants=[variant])
        there = self.sagemaker.list_endpoints(NameContains=name)["Endpoints"]
        change = self.sagemaker.update_endpoint if there else self.sagemaker.create_endpoint
        change(EndpointName=name, EndpointConfigName=release)
        eventually(lambda: self._serves(name, release))

    def _serves(self, name: str, config: str) -> bool:
        found = self.sagemaker.describe_endpoint(EndpointName=name)
        return found["EndpointStatus"] == "InService" and found["EndpointConfigName"] == config

    def _packed(self, release: str, about: dict[str, Any]) -> bytes:
        model_dir = self._folder / release
        model_dir.mkdir()
        write_tiny_classifier(model_dir / "model.onnx", card(**about))
        pack_serving_code(model_dir, serving=CLASSIFICATION)
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            tar.add(model_dir, arcname=".")
        return buffer.getvalue()

    def remove(self, model: str) -> None:
        name = f"{NAME}-{model}-prod"
        self.sagemaker.delete_endpoint(EndpointName=name)
        eventually(lambda: not self.sagemaker.list_endpoints(NameContains=name)["Endpoints"])


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    line = Line(cloud, tmp_path_factory.mktemp("recognition"))
    line.before = line.app.recognize("species", RED)
    line.serve(
        "species", labels=("flowers", "moss", "gentian"), children={"flowers": expects("flowers", FLOWERS)}
    )
    line.serve("flowers", labels=FLOWERS, min_score=0.8)
    yield line
    for model in MODELS:
        line.remove(model)


def said(reply: Reply) -> tuple[int, str | None, str]:
    return reply.status, reply.document["name"], reply.document["level"]


def test_before_the_first_release_it_says_when_to_ask_again(line: Line) -> None:
    assert (line.before.status, line.before.headers["Retry-After"]) == (503, "60")
    assert "no version was released" in line.before.document["message"]


def test_the_parent_routes_to_the_child_and_the_path_shows_both(line: Line) -> None:
    reply = line.app.recognize("species", RED)
    assert said(reply) == (200, "poppy", "species")
    assert [(step["model"], step["label"]) for step in reply.document["path"]] == [
        ("species", "flowers"), ("flowers", "poppy"),
    ]  # fmt: skip
    assert all(0.9 < step["score"] <= 1 for step in reply.document["path"])


def test_what_the_parent_names_itself_asks_no_child(line: Line) -> None:
    assert said(line.app.recognize("species", GREEN)) == (200, "moss", "species")


def test_where_neither_is_sure_nothing_is_named(line: Line) -> None:
    reply = line.app.recognize("species", GRAY)
    assert said(reply) == (200, None, "none")
    assert reply.document["refused"]


@pytest.mark.parametrize("encoding", ["PNG", "WEBP", "BMP", "TIFF"])
def test_pictures_of_other_formats_arrive_as_they_are(line: Line, encoding: str) -> None:
    content = picture(250, 0, 0, encoding)
    assert said(line.app.recognize("species", content, f"image/{encoding.lower()}")) == (
        200, "poppy", "species",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "content_type", "status"),
    [
        ("species", b"no picture at all", "image/jpeg", 400),
        ("species", RED[: len(RED) // 2], "image/jpeg", 400),
        ("species", b"{}", "application/json", 415),
        ("species", bytes(4 * 1024 * 1024 + 1), "image/jpeg", 413),
        ("birds", RED, "image/jpeg", 404),
    ],
)
def test_what_is_no_picture_of_a_known_tree_is_refused_in_words(
    line: Line, name: str, content: bytes, content_type: str, status: int
) -> None:
    reply = line.app.recognize(name, content, content_type)
    assert (reply.status, bool(reply.document["message"])) == (status, True)


def test_who_has_not_the_policy_is_not_let_in(line: Line) -> None:
    stranger = Application(line.caller("stranger", "CallerPolicyArn"), line.url)
    assert stranger.recognize("species", RED).status == 403


def test_a_child_in_the_middle_of_a_release_is_not_believed(line: Line) -> None:
    line.serve("flowers", labels=("clover", "poppy"))
    reply = line.app.recognize("species", RED)
    line.serve("flowers", labels=FLOWERS, min_score=0.8)
    assert said(reply) == (200, "flowers", "group")
    assert "trained with" in reply.document["degraded"]["reason"]
    assert said(line.app.recognize("species", RED)) == (200, "poppy", "species")


def test_a_child_that_is_gone_leaves_the_group(line: Line) -> None:
    line.remove("flowers")
    reply = line.app.recognize("species", RED)
    line.serve("flowers", labels=FLOWERS, min_score=0.8)
    assert said(reply) == (200, "flowers", "group")
    assert reply.document["degraded"]["model"] == "flowers"
