import io
import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from lambdas.common.packages import NoLongerApproved, PackageArn, UnusablePackage, metadata
from lambdas.promotion import (
    check_endpoint,
    deploy_endpoint,
    read_endpoint,
    read_model_package,
    restore_endpoint,
    smoke_endpoint,
    start_promotion,
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
IN_STAGING = {"environment": "staging", "execution": "edgeline-tags-2-0123"}
IN_PROD = {"environment": "prod", "execution": "edgeline-tags-2-0123"}


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


class FakeStates:
    class exceptions:  # noqa: N801 - as boto3 names it
        class ExecutionAlreadyExists(Exception):  # noqa: N818
            pass

    def __init__(self) -> None:
        self.started: dict[str, Any] = {}

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> None:  # noqa: N803
        if name in self.started:
            raise self.exceptions.ExecutionAlreadyExists
        self.started[name] = json.loads(input)


class FakeTable:
    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []

    def Table(self, name: str) -> "FakeTable":  # noqa: N802 - as boto3 names it
        assert name == "turns"
        return self

    def put_item(self, *, Item: dict[str, Any]) -> None:  # noqa: N803
        self.items.append(Item)


class FakeS3:
    """Objects by URI."""

    def __init__(self, **objects: Any) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803
        self.objects[f"s3://{Bucket}/{Key}"] = Body

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO(self.objects[f"s3://{Bucket}/{Key}"])}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, sagemaker: Any, cloudwatch: Any, scaling: Any) -> dict[str, Any]:
    """Clients of the tools account by service, of the others by the assumed role and the service."""
    clients = {"sagemaker": sagemaker, "stepfunctions": FakeStates(), "s3": FakeS3(), "dynamodb": FakeTable()}
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
    monkeypatch.setattr(boto3, "resource", lambda service: clients[service])
    monkeypatch.setenv("STATE_MACHINE_ARN", "arn:stateMachine:promotion")
    monkeypatch.setenv("TURNS_TABLE", "turns")
    monkeypatch.setenv("ARTIFACTS_BUCKET", "edgeline-artifacts")
    return clients


def read(aws: dict[str, Any], version: int) -> dict[str, Any]:
    event = {"model_package_arn": f"{ARN[:-1]}{version}", "model": "tags", "execution": "e"}
    return read_model_package.handler(event, None)


def test_an_approval_starts_the_promotion_of_its_own_package_once(aws: Any, describe_package: Any) -> None:
    aws["sagemaker"].add(describe_package(2))
    aws["sagemaker"].add(describe_package(3))
    first = start_promotion.handler(EVENT, None)
    second = start_promotion.handler(EVENT, None)
    assert (first["started"], second["started"]) == (True, False)
    assert list(aws["stepfunctions"].started.values()) == [
        {
            "model": "tags",
            "model_package_arn": ARN,
            "event_id": EVENT["id"],
            "approved_at": "2026-11-21T17:00:14.123Z",
            "turn": {"line": "promotion of tags", "order": "2026-11-21T17:00:14.123Z"},
        }
    ]
    (name,) = aws["stepfunctions"].started
    assert {entry["execution"] for entry in aws["dynamodb"].items} == {f"arn:execution:promotion:{name}"}


def test_a_second_approval_of_the_same_package_is_another_promotion(aws: Any, describe_package: Any) -> None:
    aws["sagemaker"].add(describe_package(2))
    start_promotion.handler(EVENT, None)
    start_promotion.handler({**EVENT, "id": "another"}, None)
    assert len(aws["stepfunctions"].started) == 2


def test_a_later_change_to_an_approved_package_promotes_nothing(aws: Any) -> None:
    detail = {**EVENT["detail"], "UpdatedModelPackageFields": ["ModelLifeCycle"]}
    assert start_promotion.handler({**EVENT, "detail": detail}, None) == {"execution": None, "started": False}


def test_events_without_a_registry_time_are_ordered_by_their_own() -> None:
    assert start_promotion.approved_at(EVENT, {}) == "2026-11-21T17:00:14.000Z"


def test_the_package_of_the_event_is_read_not_a_newer_one(aws: Any, describe_package: Any) -> None:
    for version in (2, 3):
        aws["sagemaker"].add(describe_package(version))
    package = read(aws, 2)
    assert package["arn"] == ARN
    assert package["test_set"] == "s3://edgeline-artifacts/runs/tags/run2/test"
    assert package["approved_by"] == "arn:aws:iam::123456789012:user/approver"
    assert package["test"]["evaluation"] == "s3://edgeline-artifacts/runs/tags/run2/evaluation"
    assert package["test"]["results"].startswith("s3://edgeline-artifacts/releases/tags/2/staging/")


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
    assert smoke_endpoint.wrong_with(answer, 300, 200, ["scratch"]) is None


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
    assert problem in str(smoke_endpoint.wrong_with(answer, 300, 200, ["scratch"]))
