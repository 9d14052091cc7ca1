"""What prod's model would draw, proposed to people: each kind of endpoint, in an account of its own."""

import json
import uuid
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import aws_cdk as cdk
import pytest
from archives import tar_gz
from labeling_line import LabelingLine, deployed_as
from speaking_endpoint import VARIANT, Speaking

from config import Edgeline
from local.cloud.server import LocalCloud
from stacks.workload_stage import WorkloadStage

PROD = "5" * 12
NAME = "suggested"
INSTANCES = {"instance_type": "ml.m5.large"}
KINDS: dict[str, dict[str, Any]] = {
    "tags": {"kind": "serverless"},
    "pcb": {"kind": "realtime", **INSTANCES},
    "welds": {"kind": "components", **INSTANCES},
}
CODE = """
import json

def model_fn(model_dir):
    return {{"label": "scratch", "score": 0.75, "box": [4, 3, 24, 13]}}

def input_fn(body, content_type):
    return body

def predict_fn(picture, found):
    {on_picture}
    return {{"width": 60, "height": 40, "detections": [found]}}

def output_fn(prediction, accept):
    return json.dumps(prediction), "application/json"
"""
BOX = {"label": "scratch", "left": 4, "top": 3, "width": 20, "height": 10, "score": 0.75}


class Prod(Speaking):
    """The endpoint of a model in the prod account; what it does with a picture is what it is started with."""

    def __init__(self, cloud: LocalCloud, model: str) -> None:
        super().__init__(cloud.accounts[PROD], f"{NAME}-{model}-prod")
        self.package = ""

    @cached_property
    def bucket(self) -> str:
        name = f"{self.name}-{PROD}"
        where = {"LocationConstraint": self.cloud.region}
        self.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=where)
        return name

    @cached_property
    def group(self) -> str:
        self.sm.create_model_package_group(ModelPackageGroupName=self.name)
        return self.name

    def model(self, word: str) -> str:
        """Make a model of a package of its own; `word` is the line that sees a picture."""
        files = {"code/inference.py": CODE.format(on_picture=word), "code/requirements.txt": ""}
        key, name = f"{uuid.uuid4().hex}.tar.gz", f"{self.name}-{uuid.uuid4().hex[:6]}"
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=tar_gz(files))
        container = {
            "Image": "image",
            "ModelDataUrl": f"s3://{self.bucket}/{key}",
            "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
        }
        made = self.sm.create_model_package(
            ModelPackageGroupName=self.group,
            ModelApprovalStatus="Approved",
            InferenceSpecification={
                "Containers": [container],
                "SupportedContentTypes": ["application/x-image"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )
        self.package = str(made["ModelPackageArn"])
        self.sm.create_model(
            ModelName=name,
            ExecutionRoleArn=self.role,
            PrimaryContainer={"ModelPackageName": self.package},
        )
        return name

    def serve(self, kind: str, *, on_picture: str = "pass") -> None:
        """Bring the endpoint into service."""
        if kind == "components":
            self.start(None)
            self.add_component(on_picture)
        elif kind == "realtime":
            self.start(on_picture)
        else:
            room = {"MemorySizeInMB": 1024, "MaxConcurrency": 4}
            variant = {"VariantName": VARIANT, "ModelName": self.model(on_picture), "ServerlessConfig": room}
            config = f"{self.name}-{uuid.uuid4().hex[:6]}"
            self.sm.create_endpoint_config(EndpointConfigName=config, ProductionVariants=[variant])
            self.sm.create_endpoint(EndpointName=self.name, EndpointConfigName=config)
            assert self.settled()["EndpointStatus"] == "InService"


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> LabelingLine:
    model = {"task": "detection", "classes": ["scratch"]}
    config = Edgeline.from_values(
        {
            "name": NAME,
            "accounts": {"tools": cloud.account, "prod": PROD, "region": cloud.region},
            "models": {name: {**model, "prod": endpoint} for name, endpoint in KINDS.items()},
            "fleet": {"model": "tags"},
        }
    )

    def make(app: cdk.App) -> cdk.Stage:
        WorkloadStage(app, "Prod", config=config, environment="prod")
        return cdk.Stage(app, "Tools", env=cdk.Environment(account=cloud.account, region=cloud.region))

    return deployed_as(cloud, tmp_path_factory.mktemp("suggested"), config, make)


@pytest.fixture(scope="module")
def prods(cloud: LocalCloud) -> dict[str, Prod]:
    return {model: Prod(cloud, model) for model in KINDS}


@pytest.fixture
def prod(prods: dict[str, Prod], request: pytest.FixtureRequest) -> Iterator[Prod]:
    endpoint = prods[request.param]
    yield endpoint
    if endpoint.sm.list_endpoints(NameContains=endpoint.name)["Endpoints"]:
        endpoint.delete()


def labelled(line: LabelingLine, model: str, pictures: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Label what waits, and verify it: the tasks as they were offered, and what was said of suggestions."""
    for _ in range(pictures):
        line.upload(f"{uuid.uuid4().hex}.jpg", model=model)
    execution = line.start(model)
    offered = line.ann.wait_for("label", least=pictures)
    for task in offered:
        line.ann.answer(task, {"boxes": []})
    line.bob.answers("verify", {"verdict": "approve"}, count=pictures)
    result = line.result(execution)
    assert result["labeled"] == pictures
    return offered, result["suggestions"]


@pytest.mark.parametrize(("prod", "model"), [(model, model) for model in KINDS], indirect=["prod"])
def test_each_kind_of_endpoint_proposes_boxes_with_score_and_package(
    line: LabelingLine, prod: Prod, model: str
) -> None:
    prod.serve(KINDS[model]["kind"])
    tasks, said = labelled(line, model, 3)
    assert said == {"suggested": 3, "of": 3, "reason": ""}
    assert [task["suggested"] for task in tasks] == 3 * [
        {"boxes": [BOX], "model_package_arn": prod.package}
    ]  # fmt: skip


def test_without_an_endpoint_people_are_asked_all_the_same(line: LabelingLine) -> None:
    tasks, said = labelled(line, "tags", 1)
    assert tasks[0].get("suggested") is None
    assert said == {"suggested": 0, "of": 1, "reason": f"there is no endpoint {NAME}-tags-prod"}


@pytest.mark.parametrize("prod", ["tags"], indirect=True)
def test_an_endpoint_that_fails_on_every_picture_keeps_nobody_waiting(line: LabelingLine, prod: Prod) -> None:
    prod.serve("serverless", on_picture="raise ValueError('no')")
    with line.environment("SuggestionsSuggestBoxes", WARM_UP_SECONDS="1"):
        tasks, said = labelled(line, "tags", 2)
    assert [task.get("suggested") for task in tasks] == [None, None]
    assert (said["suggested"], said["of"]) == (0, 2)
    assert "ModelError" in said["reason"]


@pytest.mark.parametrize("prod", ["tags"], indirect=True)
def test_a_prod_that_does_not_let_the_labeling_in_keeps_nobody_waiting(
    line: LabelingLine, cloud: LocalCloud, prod: Prod
) -> None:
    prod.serve("serverless")
    iam = cloud.root_session(PROD).client("iam")
    role = {"RoleName": f"{NAME}-prod-suggester"}
    trust = json.dumps(iam.get_role(**role)["Role"]["AssumeRolePolicyDocument"])
    nobody = trust.replace("labeling-suggest-boxes", "somebody-else")
    assert nobody != trust
    iam.update_assume_role_policy(**role, PolicyDocument=nobody)
    try:
        _, said = labelled(line, "tags", 1)
    finally:
        iam.update_assume_role_policy(**role, PolicyDocument=trust)
    assert said["suggested"] == 0
    assert "sts:AssumeRole" in said["reason"]
