import io
import json
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from lambdas.common.packages import NoLongerApproved
from lambdas.edge import (
    check_group,
    create_model_component,
    deploy_to_group,
    judge_health,
    read_group,
    redeploy_previous,
    start_rollout,
)

EVENT = json.loads((Path(__file__).parents[3] / "fixtures/events/model_promoted.json").read_text())
ARN = EVENT["detail"]["model_package_arn"]
GROUP = "arn:aws:iot:eu-west-1:123456789012:thinggroup/edgeline-staging"
RUN = "s3://edgeline-artifacts/runs/tags/run2"
NOW = datetime.now(UTC)


class Missing(Exception):  # noqa: N818
    pass


class ExecutionAlreadyExists(Exception):  # noqa: N818
    pass


class Exceptions:
    ResourceNotFoundException = Missing
    NoSuchKey = Missing
    ExecutionAlreadyExists = ExecutionAlreadyExists


class Pages:
    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def paginate(self, **parameters: Any) -> list[Any]:
        return [self._answer(**parameters)]


class FakeFleet:
    """IoT and GreengrassV2: one group, its devices and its deployments."""

    exceptions = Exceptions

    def __init__(self) -> None:
        self.things: list[str] = ["device-1"]
        self.statuses: dict[str, str] = {}
        self.components: dict[str, dict[str, Any]] = {}
        self.deployments: list[dict[str, Any]] = []

    def get_paginator(self, operation: str) -> Pages:
        if operation == "list_things_in_thing_group":
            return Pages(lambda thingGroupName: {"things": self.things})  # noqa: N803
        return Pages(self._effective)

    def _effective(self, coreDeviceThingName: str) -> dict[str, Any]:  # noqa: N803
        if coreDeviceThingName not in self.statuses:
            raise Missing
        status = self.statuses[coreDeviceThingName]
        return {"effectiveDeployments": [{"deploymentId": "ours", "coreDeviceExecutionStatus": status}]}

    def list_deployments(self, **_: Any) -> dict[str, Any]:
        return {"deployments": self.deployments[-1:]}

    def get_deployment(self, deploymentId: str) -> dict[str, Any]:  # noqa: N803
        return next(found for found in self.deployments if found["deploymentId"] == deploymentId)

    def create_deployment(self, **request: Any) -> dict[str, Any]:
        for found in self.deployments:
            if found["clientToken"] == request["clientToken"]:
                return found
        self.deployments.append({"deploymentId": f"deployment-{len(self.deployments)}", **request})
        return self.deployments[-1]

    def describe_component(self, arn: str) -> dict[str, Any]:
        if arn not in self.components:
            raise Missing
        return self.components[arn]

    def create_component_version(self, inlineRecipe: bytes, tags: dict[str, str]) -> None:  # noqa: N803
        name, version = inlineRecipe.decode().split("|")[:2]
        arn = f"arn:aws:greengrass:eu-west-1:123456789012:components:{name}:versions:{version}"
        self.components[arn] = {
            "status": {"componentState": "DEPLOYABLE"},
            "tags": tags,
            "recipe": inlineRecipe,
        }


class FakeTable:
    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []

    def Table(self, name: str) -> "FakeTable":  # noqa: N802 - as boto3 names it
        assert name == "turns"
        return self

    def put_item(self, *, Item: dict[str, Any]) -> None:  # noqa: N803
        self.items.append(Item)


class FakeS3:
    exceptions = Exceptions

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.modified = NOW

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803
        self.objects[f"s3://{Bucket}/{Key}"] = Body

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        uri = f"s3://{Bucket}/{Key}"
        if uri not in self.objects:
            raise Missing
        return {"Body": io.BytesIO(self.objects[uri]), "LastModified": self.modified}


class FakeSageMaker:
    approval = "Approved"

    def describe_model_package(self, ModelPackageName: str) -> dict[str, Any]:  # noqa: N803
        return {
            "ModelPackageArn": ModelPackageName,
            "ModelApprovalStatus": self.approval,
            "InferenceSpecification": {"Containers": [{"ModelDataUrl": f"{RUN}/model/model.tar.gz"}]},
            "CustomerMetadataProperties": {"dataset_manifest": f"{RUN}/dataset/manifest.json"},
        }


class FakeStates:
    exceptions = Exceptions

    def __init__(self) -> None:
        self.started: dict[str, Any] = {}

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> None:  # noqa: N803
        if name in self.started:
            raise ExecutionAlreadyExists
        self.started[name] = json.loads(input)


def model(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        entry = tarfile.TarInfo("model.onnx")
        entry.size = len(content)
        file.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    fleet = FakeFleet()
    clients = {
        "iot": fleet,
        "greengrassv2": fleet,
        "s3": FakeS3(),
        "sagemaker": FakeSageMaker(),
        "stepfunctions": FakeStates(),
        "dynamodb": FakeTable(),
    }
    clients["s3"].objects[f"{RUN}/model/model.tar.gz"] = model(b"onnx")
    manifest = {"sha256": "abc", "classes": ["scratch"]}
    clients["s3"].objects[f"{RUN}/dataset/manifest.json"] = json.dumps(manifest).encode()
    monkeypatch.setattr(boto3, "client", lambda service: clients[service])
    monkeypatch.setattr(boto3, "resource", lambda service: clients[service])
    for name, value in {
        "STATE_MACHINE_ARN": "arn:stateMachine:rollout",
        "PROJECT": "edgeline",
        "TURNS_TABLE": "turns",
        "ARTIFACTS_BUCKET": "edgeline-artifacts",
        "COMPONENT_PREFIX": "com.edgeline.model.",
        "MODEL_RECIPE": "@COMPONENT@|@VERSION@|@ARTIFACT_URI@|@ARTIFACT_NAME@",
        "INSPECTOR_COMPONENT": "com.edgeline.inspector",
        "INSPECTOR_VERSION": "1.0.7",
        "IN_PROGRESS_MINUTES": "30",
        "TIMEOUT_MINUTES": "30",
    }.items():
        monkeypatch.setenv(name, value)
    return clients


PROMOTED = {"model": "tags", "model_package_arn": ARN}


def test_a_promotion_starts_the_rollout_of_its_package_once(aws: dict[str, Any]) -> None:
    assert start_rollout.handler(EVENT, None)["started"]
    assert not start_rollout.handler(EVENT, None)["started"]
    ((name, document),) = aws["stepfunctions"].started.items()
    assert document["model_package_arn"] == ARN
    assert aws["dynamodb"].items[0]["line"] == document["turn"]["line"] == "rollout of tags"
    assert aws["dynamodb"].items[0]["execution"] == f"arn:execution:rollout:{name}"


def test_the_component_is_made_once_and_names_where_it_comes_from(aws: dict[str, Any]) -> None:
    first = create_model_component.handler(PROMOTED, None)
    assert create_model_component.handler(PROMOTED, None) == first
    assert (first["name"], first["version"]) == ("com.edgeline.model.tags", "1.0.2")
    assert aws["greengrassv2"].components[first["arn"]]["tags"]["model-package"] == ARN
    assert "s3://edgeline-artifacts/components/com.edgeline.model.tags/1.0.2/model.zip" in aws["s3"].objects


def test_a_component_of_another_model_is_never_taken_for_ours(aws: dict[str, Any]) -> None:
    create_model_component.handler(PROMOTED, None)
    aws["s3"].objects[f"{RUN}/model/model.tar.gz"] = model(b"another onnx")
    with pytest.raises(create_model_component.ComponentConflict):
        create_model_component.handler(PROMOTED, None)


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("REQUESTED", create_model_component.ComponentNotReady),
        ("FAILED", create_model_component.ComponentFailed),
    ],
)
def test_a_component_that_cannot_be_deployed_is_not(
    aws: dict[str, Any], state: str, error: type[Exception]
) -> None:
    arn = create_model_component.handler(PROMOTED, None)["arn"]
    aws["greengrassv2"].components[arn]["status"]["componentState"] = state
    with pytest.raises(error):
        create_model_component.handler(PROMOTED, None)


def test_a_withdrawn_approval_reaches_no_device(aws: dict[str, Any]) -> None:
    component = create_model_component.handler(PROMOTED, None)
    aws["sagemaker"].approval = "Rejected"
    with pytest.raises(NoLongerApproved):
        create_model_component.handler(PROMOTED, None)
    with pytest.raises(NoLongerApproved):
        deploy(component)
    assert aws["greengrassv2"].deployments == []


def deploy(component: dict[str, str], previous: Any = None) -> dict[str, Any]:
    event = {
        "group_arn": GROUP,
        "previous": previous,
        "component": component,
        "model_package_arn": ARN,
        "max_failed_percent": 0,
        "execution": "e",
    }
    return deploy_to_group.handler(event, None)


def test_an_empty_staging_group_is_refused_and_an_empty_prod_group_is_not(aws: dict[str, Any]) -> None:
    aws["iot"].things = []
    with pytest.raises(read_group.NoStagingDevices, match="edgeline-staging has no thing"):
        read_group.handler({"group_arn": GROUP, "required": True}, None)
    assert read_group.handler({"group_arn": GROUP, "required": False}, None) == {
        "things": 0,
        "previous": None,
    }


def test_a_failed_rollout_puts_the_components_before_back(aws: dict[str, Any]) -> None:
    fleet = aws["greengrassv2"]
    before = {
        "com.edgeline.inspector": {"componentVersion": "1.0.3"},
        "com.edgeline.model.tags": {"componentVersion": "1.0.1"},
    }
    fleet.deployments.append({"deploymentId": "before", "components": before, "clientToken": "x"})
    previous = read_group.handler({"group_arn": GROUP, "required": True}, None)["previous"]
    back = {"group_arn": GROUP, "previous": previous, "execution": "e"}
    assert redeploy_previous.handler(back, None) == {"deployment_id": None}, "nothing to undo yet"
    deploy(create_model_component.handler(PROMOTED, None), previous)
    taken = fleet.deployments[-1]["components"]["com.edgeline.model.tags"]
    assert taken == {"componentVersion": "1.0.2", "configurationUpdate": {"reset": [""]}}
    for _ in range(2):
        redeploy_previous.handler(back, None)
    assert fleet.deployments[-1]["components"] == before
    assert len(fleet.deployments) == 3


def test_a_first_rollout_that_fails_leaves_nothing_of_ours(aws: dict[str, Any]) -> None:
    deploy(create_model_component.handler(PROMOTED, None))
    redeploy_previous.handler({"group_arn": GROUP, "previous": None, "execution": "e"}, None)
    assert aws["greengrassv2"].deployments[-1]["components"] == {}


def check(started: datetime = NOW) -> dict[str, Any]:
    event = {
        "group_arn": GROUP,
        "deployment_id": "ours",
        "started_at": started.isoformat(),
        "required": True,
        "max_failed_percent": 0,
    }
    return check_group.handler(event, None)


def test_a_group_is_waited_for_and_counted(aws: dict[str, Any]) -> None:
    aws["iot"].things = ["device-1", "device-2"]
    aws["greengrassv2"].statuses = {"device-1": "SUCCEEDED"}
    assert check() == {
        "status": "waiting",
        "total": 2,
        "succeeded": 1,
        "failed": 0,
        "running": 0,
        "offline": 1,
    }
    late = check(NOW - timedelta(minutes=31))
    assert late == {"status": "ready", "total": 2, "succeeded": 1, "failed": 0, "running": 0, "offline": 1}


def judge(since: datetime = NOW) -> dict[str, Any]:
    event = {
        "group_arn": GROUP,
        "deployment_id": "ours",
        "started_at": NOW.isoformat(),
        "since": since.isoformat(),
        "component_version": "1.0.2",
        "components": {"com.edgeline.inspector": "1.0.7"},
        "model_package_arn": ARN,
        "min_inferences": 5,
    }
    return judge_health.handler(event, None)


def test_devices_are_judged_by_a_report_since_the_deployment(aws: dict[str, Any]) -> None:
    aws["greengrassv2"].statuses = {"device-1": "SUCCEEDED"}
    assert judge() == {"status": "waiting", "healthy": 0, "inferences": 0}
    versions = {"com.edgeline.inspector": "1.0.7", "com.edgeline.model.tags": "1.0.2"}
    report = {"model_package_arn": ARN, "component_versions": versions, "inferences": 7}
    path = "s3://edgeline-artifacts/edge/device-1/health/1.0.2.json"
    aws["s3"].objects[path] = json.dumps(report).encode()
    aws["s3"].modified = NOW - timedelta(hours=1)
    assert judge()["status"] == "waiting", "the report is of a deployment before"
    with pytest.raises(judge_health.DevicesUnhealthy, match="1 of 1 devices: device-1: has not reported"):
        judge(since=NOW - timedelta(minutes=31))
    aws["s3"].modified = NOW + timedelta(seconds=1)
    assert judge() == {"status": "ready", "healthy": 1, "inferences": 7}
