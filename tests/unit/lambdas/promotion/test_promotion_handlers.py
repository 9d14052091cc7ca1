import io
import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from lambdas.common.packages import (
    NoLongerApproved,
    PackageArn,
    PackageChanged,
    UnusablePackage,
    digest,
    metadata,
)
from lambdas.common.turns import TurnLost
from lambdas.promotion import (
    check_endpoint,
    deploy_endpoint,
    read_endpoint,
    read_model_package,
    restore_endpoint,
    smoke_endpoint,
)
from lambdas.promotion.settings import UnknownModel, model_of_group, model_settings

EVENT = json.loads((Path(__file__).parents[3] / "fixtures/events/model_package_approved.json").read_text())
ARN = EVENT["detail"]["ModelPackageArn"]
NOW = EVENT["time"]
MODELS = json.dumps(
    {
        "tags": {
            "group": "edgeline-tags",
            "classes": ["scratch"],
            "tolerance": 0.02,
            "test_instance": "ml.m5.xlarge",
            "endpoints": {
                name: {
                    "name": f"edgeline-tags-{name}",
                    "variant": {"ServerlessConfig": {"MemorySizeInMB": 2048}},
                }
                for name in ("staging", "prod")
            },
        }
    }
)

WORKLOADS = json.dumps(
    {
        name: {
            "promoter_role_arn": f"arn:aws:iam::{account}:role/edgeline-{name}-promoter",
            "model_role_arn": f"arn:aws:iam::{account}:role/edgeline-{name}-model",
            "region": "eu-west-1",
        }
        for name, account in (("staging", "222222222222"), ("prod", "333333333333"))
    }
)
_MINE = {"execution": "edgeline-tags-2-0123", "turn": {"line": "promotion of tags", "holder": "arn:me"}}
IN_STAGING = {"environment": "staging", **_MINE}
IN_PROD = {"environment": "prod", **_MINE}


class FakeSts:
    """Gives keys that are the role's own name."""

    def __init__(self) -> None:
        self.assumed: list[dict[str, Any]] = []

    def assume_role(self, **request: Any) -> dict[str, Any]:
        self.assumed.append(request)
        role = request["RoleArn"]
        return {"Credentials": {"AccessKeyId": role, "SecretAccessKey": role, "SessionToken": role}}


class FakeRuntime:
    """Finds one scratch in every picture."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def invoke_endpoint(self, *, EndpointName: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.asked.append(EndpointName)
        return {"Body": io.BytesIO(with_detection("scratch", 0.9, [1, 2, 30, 20], width=300, height=200))}


class FakeS3:
    """Objects by URI."""

    def __init__(self, **objects: Any) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803
        self.objects[f"s3://{Bucket}/{Key}"] = Body

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO(self.objects[f"s3://{Bucket}/{Key}"])}


@pytest.fixture
def aws(
    monkeypatch: pytest.MonkeyPatch, turns: Any, sagemaker: Any, cloudwatch: Any, scaling: Any
) -> dict[str, Any]:
    """Clients of the tools account by service, of the others by the assumed role and the service."""
    clients = {"sagemaker": sagemaker, "s3": FakeS3()}
    clients |= {"sts": FakeSts()}

    class Session:
        def __init__(self, *, aws_session_token: str, region_name: str, **_: str) -> None:
            assert region_name == "eu-west-1"
            self._role = aws_session_token.rpartition("/")[2]

        def client(self, service: str) -> Any:
            kind = {
                "sagemaker-runtime": FakeRuntime,
                "cloudwatch": type(cloudwatch),
                "application-autoscaling": type(scaling),
            }.get(service, type(sagemaker))
            return clients.setdefault(f"{self._role} {service}", kind())

    monkeypatch.setattr(boto3, "client", lambda service: clients[service])
    monkeypatch.setattr(boto3, "Session", Session)
    monkeypatch.setenv("WORKLOADS", WORKLOADS)
    monkeypatch.setenv("TIMEOUT_MINUTES", "45")
    monkeypatch.setenv("MODELS", MODELS)
    monkeypatch.setenv("ARTIFACTS_BUCKET", "edgeline-artifacts")
    return clients


EVALUATION = {"map50": 0.9, "map50_95": 0.5, "answers": {"empty_share": 0.25, "mean_score": 0.8}}


def read(aws: dict[str, Any], version: int, **given: str) -> dict[str, Any]:
    arn = f"{ARN[:-1]}{version}"
    evaluation = f"s3://edgeline-artifacts/runs/tags/run{version}/evaluation/evaluation.json"
    aws["s3"].objects.setdefault(evaluation, json.dumps(EVALUATION).encode())
    approved = {"approved_by": "arn:approver", "digest": digest(aws["sagemaker"].packages[arn])}
    return read_model_package.handler(
        {"model_package_arn": arn, "model": "tags", "execution": "e", **approved, **given}, None
    )


def test_the_package_of_the_event_is_read_not_a_newer_one(aws: Any, describe_package: Any) -> None:
    for version in (2, 3):
        aws["sagemaker"].add(describe_package(version))
    package = read(aws, 2)
    assert package["arn"] == ARN
    assert package["test_set"] == "s3://edgeline-artifacts/runs/tags/run2/test"
    assert package["approved_by"] == "arn:approver", "whoever has changed the package since"
    assert package["model_data"].endswith("run2/model/train/output/model.tar.gz")
    assert package["registered"] == {"map50": 0.9, "map50_95": 0.5, "empty_share": 0.25, "mean_score": 0.8}
    assert package["test"]["evaluation"] == "s3://edgeline-artifacts/runs/tags/run2/evaluation"
    assert package["test"]["results"].startswith("s3://edgeline-artifacts/releases/tags/2/staging/")


def test_a_package_that_is_described_otherwise_than_when_it_was_approved_is_not_promoted(
    aws: Any, describe_package: Any
) -> None:
    approved = digest(aws["sagemaker"].add(describe_package(2)))
    stage = {"Stage": "Staging", "StageStatus": "InProgress"}
    later = {"ModelLifeCycle": stage, "LastModifiedBy": {}, "ResponseMetadata": {"RequestId": "1"}}
    aws["sagemaker"].add(describe_package(2) | later)
    assert read(aws, 2, digest=approved)["arn"] == ARN, "its life cycle is nothing that was approved"
    answered = aws["sagemaker"].add(describe_package(2) | {"AddedByAWS": "none"})
    answered["InferenceSpecification"]["Containers"][0]["ModelDataETag"] = "0123"
    assert read(aws, 2, digest=approved)["arn"] == ARN, "AWS says more of it, which changes nothing"
    changed = describe_package(2)
    changed["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] = "s3://another/model.tar.gz"
    aws["sagemaker"].add(changed)
    with pytest.raises(PackageChanged, match=f"{ARN} was changed after its approval"):
        read(aws, 2, digest=approved)


def test_numbers_that_an_older_evaluation_lacks_are_null(aws: Any, describe_package: Any) -> None:
    evaluation = aws["sagemaker"].add(describe_package(2))["CustomerMetadataProperties"]["evaluation"]
    aws["s3"].objects[evaluation] = b'{"map50": 0.9, "map50_95": 0.5}'
    assert read(aws, 2)["registered"] == {
        "map50": 0.9, "map50_95": 0.5, "empty_share": None, "mean_score": None,
    }  # fmt: skip


def test_who_has_lost_the_turn_changes_no_endpoint(aws: Any, turns: Any, describe_package: Any) -> None:
    aws["sagemaker"].add(describe_package(2))
    package = read(aws, 2)
    turns.holder = "arn:the-next"
    with pytest.raises(TurnLost, match="that of arn:the-next, not of arn:me"):
        deploy_endpoint.handler({"package": package, **IN_PROD}, None)
    before = {"endpoint": "edgeline-tags-prod", "config": "c"}
    with pytest.raises(TurnLost):
        restore_endpoint.handler({"before": before, "since": NOW, **IN_PROD}, None)
    assert aws["edgeline-prod-promoter sagemaker"].changes == []


@pytest.mark.parametrize("approval", ["Rejected", "PendingManualApproval"])
def test_a_withdrawn_approval_stops_reading_and_deploying(
    aws: Any, describe_package: Any, approval: str
) -> None:
    aws["sagemaker"].add(describe_package(2))
    package = read(aws, 2)
    aws["sagemaker"].add(describe_package(2, approval))
    with pytest.raises(NoLongerApproved, match=f"{ARN} is {approval}"):
        read(aws, 2)
    with pytest.raises(NoLongerApproved):
        deploy_endpoint.handler({"package": package, **IN_PROD}, None)
    assert aws["sts"].assumed == [], "nothing was entered"


def test_deploying_makes_a_model_of_exactly_the_package(aws: Any, describe_package: Any) -> None:
    aws["sagemaker"].add(describe_package(2))
    package = read(aws, 2)
    for _ in range(2):
        deployed = deploy_endpoint.handler({"package": package, **IN_STAGING}, None)
    there = aws["edgeline-staging-promoter sagemaker"]
    assert there.changes == [("create", deployed["config"])]
    model = there.models[deployed["model_name"]]
    assert model["PrimaryContainer"] == {"ModelPackageName": ARN}
    assert model["ExecutionRoleArn"] == "arn:aws:iam::222222222222:role/edgeline-staging-model"
    variant = there.configs[deployed["config"]]["ProductionVariants"][0]
    assert variant["ModelName"] == deployed["model_name"]
    assert aws["sagemaker"].models == {}, "nothing is made in the tools account"


def test_each_environment_has_a_model_of_its_own(aws: Any, describe_package: Any) -> None:
    """In one account, prod would else serve with staging's role."""
    aws["sagemaker"].add(describe_package(2))
    package = read(aws, 2)
    names = [
        deploy_endpoint.handler({"package": package, **there}, None)["model_name"]
        for there in (IN_STAGING, IN_PROD)
    ]
    assert names == [f"edgeline-tags-{name}-{package['release']}" for name in ("staging", "prod")]


def test_an_environment_is_entered_once_an_invocation_in_the_executions_name(
    aws: Any, describe_package: Any
) -> None:
    aws["sagemaker"].add(describe_package(2))
    package = read(aws, 2)
    long = {**IN_PROD, "execution": "e" * 80}
    deployed = deploy_endpoint.handler({"package": package, **IN_STAGING}, None)
    check_endpoint.handler({"deployed": deployed, "steps": [], **IN_STAGING}, None)
    read_endpoint.handler({"model": "tags", **long}, None)
    before = {"endpoint": "edgeline-tags-prod", "config": None}
    restore_endpoint.handler({"before": before, "since": NOW, **IN_PROD}, None)
    staging, prod = (json.loads(WORKLOADS)[name]["promoter_role_arn"] for name in ("staging", "prod"))
    assert [(call["RoleArn"], call["RoleSessionName"]) for call in aws["sts"].assumed] == [
        (staging, "edgeline-tags-2-0123"),
        (staging, "edgeline-tags-2-0123"),
        (prod, "e" * 64),
        (prod, "edgeline-tags-2-0123"),
    ]
    assert {call["DurationSeconds"] for call in aws["sts"].assumed} == {900}


def test_prod_is_asked_as_its_promoter_with_pictures_of_the_tools_account(
    aws: Any, describe_package: Any
) -> None:
    aws["sagemaker"].add(describe_package(2))
    package = read(aws, 2)
    image = {"file": "a.jpg", "width": 300, "height": 200}
    aws["s3"].objects[f"{package['test_set']}/labels.json"] = json.dumps({"images": [image]}).encode()
    aws["s3"].objects[f"{package['test_set']}/images/a.jpg"] = b"picture"
    found = smoke_endpoint.handler({"package": package, "endpoint": "edgeline-tags-prod", **IN_PROD}, None)
    assert found["requests"] == 1
    assert aws["edgeline-prod-promoter sagemaker-runtime"].asked == ["edgeline-tags-prod"]


def test_a_package_of_another_group_or_without_metadata_is_unusable(describe_package: Any) -> None:
    settings = model_settings(MODELS, "tags")
    stranger = describe_package(2) | {"ModelPackageArn": ARN.replace("edgeline-tags", "edgeline-plants")}
    with pytest.raises(UnusablePackage, match="edgeline-plants/2 is not in edgeline-tags"):
        read_model_package.summary(stranger, "tags", settings)
    with pytest.raises(UnusablePackage, match="no metadata code, nothing"):
        metadata({"ModelPackageArn": ARN, "CustomerMetadataProperties": {"code": ""}}, "code", "nothing")


@pytest.mark.parametrize(
    "arn", ["", "arn:aws:sagemaker:r:1:model-package/x", "arn:aws:sagemaker:r:1:model/x/1"]
)
def test_what_is_not_a_versioned_package_is_unusable(arn: str) -> None:
    with pytest.raises(UnusablePackage, match="not the ARN of a versioned model package"):
        PackageArn.parse(arn)


def test_unknown_models_are_named() -> None:
    with pytest.raises(UnknownModel, match="'plants' is not one of the configured models: tags"):
        model_settings(MODELS, "plants")
    with pytest.raises(UnknownModel, match="group 'edgeline-plants'"):
        model_of_group(MODELS, "edgeline-plants")


def with_detection(
    label: str, score: float, box: list[float], *, width: int = 300, height: int = 200
) -> bytes:
    detection = {"label": label, "score": score, "box": box}
    return json.dumps({"width": width, "height": height, "detections": [detection]}).encode()


def test_an_answer_as_promised_passes_the_smoke_test() -> None:
    answer = with_detection("scratch", 0.9, [1, 2, 30, 20.5])
    assert smoke_endpoint.wrong_with(answer, (300, 200), ["scratch"]) is None


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"<html>", "not the promised JSON"),
        (b"[]", "not the promised JSON"),
        (with_detection("scratch", 1, [1, 2, 3, 4], width=200, height=300), "the answer says 200x300"),
        (with_detection("dent", 1, [1, 2, 3, 4]), "'dent'"),
        (with_detection("scratch", 2, [1, 2, 3, 4]), "score 2"),
        (with_detection("scratch", 1, [1, 2, 301, 4]), "not inside 300x200"),
        (with_detection("scratch", 1, [3, 2, 1, 4]), "not inside 300x200"),
        (with_detection("scratch", 1, [1, 2]), "not the promised JSON"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said(answer: bytes, problem: str) -> None:
    assert problem in str(smoke_endpoint.wrong_with(answer, (300, 200), ["scratch"]))
