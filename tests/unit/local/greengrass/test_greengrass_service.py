from __future__ import annotations

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.cloud.plugin import ResourceContext
from local.greengrass.fleet import CoreDevice, Execution, Fleet
from local.greengrass.resource_types import ComponentVersionType, DeploymentType
from local.greengrass.service import GreengrassV2

CALL = Call("000000000000", "eu-west-1", "arn:aws:iam::000000000000:role/deployer", "AKIA")
GROUP = "arn:aws:iot:eu-west-1:000000000000:thinggroup/presses"
THING = "arn:aws:iot:eu-west-1:000000000000:thing/press"


class Body(io.BytesIO):
    def iter_chunks(self, size: int) -> Any:
        return iter([self.read()])


class FakeBacking:
    """IoT and S3 as the service reads them, and IAM that denies what a test says."""

    def __init__(self) -> None:
        self.denied: set[str] = set()
        self.required: list[tuple[str, str]] = []
        self.objects = {"a.zip": b"zip"}
        self.things = {"presses", "press"}

    def require(self, call: Call, action: str, resource: str) -> None:
        self.required.append((action, resource))
        if action in self.denied:
            raise AwsError("AccessDeniedException", f"not authorized to perform: {action}", 403)

    def client(self, service: str) -> Any:
        return self

    def get_object(self, Bucket: str, Key: str) -> Any:  # noqa: N803
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "no such key"}}, "GetObject")
        return {"Body": Body(self.objects[Key])}

    def describe_thing(self, thingName: str) -> None:  # noqa: N803
        self._known(thingName)

    def describe_thing_group(self, thingGroupName: str) -> None:  # noqa: N803
        self._known(thingGroupName)

    def _known(self, name: str) -> None:
        if name not in self.things:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": name}}, "Describe")


class Bench:
    def __init__(self) -> None:
        self.backing, self.ended = FakeBacking(), list[tuple[str, str]]()
        self.fleet = Fleet(self.announce)
        self.service = GreengrassV2(self.fleet, self.backing)

    def announce(self, device: CoreDevice, execution: Execution) -> None:
        self.ended.append((device.thing, execution.status))

    def create(self, version: str = "1.0.0", key: str = "a.zip", **more: Any) -> Any:
        return self.service.create_component_version(CALL, inlineRecipe=recipe(version, key), **more)

    def deploy(self, target: str = GROUP, version: str = "1.0.0", **more: Any) -> str:
        components = {"com.x": {"componentVersion": version}}
        made = self.service.create_deployment(CALL, targetArn=target, components=components, **more)
        return str(made["deploymentId"])

    def connect(self, thing: str = "press", *targets: str) -> CoreDevice:
        return self.fleet.connected(CoreDevice(thing, "linux", "x86_64", "2.14.0"), targets or [GROUP, THING])

    def statuses(self, thing: str = "press") -> list[str]:
        answer = self.service.list_effective_deployments(CALL, coreDeviceThingName=thing)
        return [entry["coreDeviceExecutionStatus"] for entry in answer["effectiveDeployments"]]


def recipe(version: str, key: str = "a.zip") -> bytes:
    return json.dumps(
        {
            "RecipeFormatVersion": "2020-01-25",
            "ComponentName": "com.x",
            "ComponentVersion": version,
            "Manifests": [
                {
                    "Platform": {"os": "linux", "runtime": "*"},
                    "Artifacts": [{"Uri": f"s3://b/{key}", "Unarchive": "ZIP"}],
                    "Lifecycle": {"run": "x"},
                }
            ],
        }
    ).encode()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def refused(code: str, act: Any, *args: Any, **parameters: Any) -> str:
    with pytest.raises(AwsError) as caught:
        act(*args, **parameters)
    assert caught.value.code == code
    return caught.value.message


def test_a_component_is_described_with_the_digest_of_its_artifact(bench: Bench) -> None:
    arn = bench.create(tags={"k": "v"})["arn"]
    assert arn == "arn:aws:greengrass:eu-west-1:000000000000:components:com.x:versions:1.0.0"
    assert bench.service.describe_component(CALL, arn=arn)["tags"] == {"k": "v"}
    document = json.loads(bench.service.get_component(CALL, arn=arn)["recipe"])
    assert document["Manifests"][0]["Artifacts"][0]["Digest"]
    assert ("s3:GetObject", "arn:aws:s3:::b/a.zip") in bench.backing.required


def test_the_same_version_twice_is_a_conflict_but_a_repeated_request_is_not(bench: Bench) -> None:
    first = bench.create(clientToken="t")
    assert bench.create(clientToken="t") == first
    assert "already exists" in refused("ConflictException", bench.create)


@pytest.mark.parametrize("key", ["none.zip", "a.zip"])
def test_an_artifact_that_the_caller_cannot_read_is_refused(bench: Bench, key: str) -> None:
    if key == "a.zip":
        bench.backing.denied.add("s3:GetObject")
    assert f"s3://b/{key}" in refused("ValidationException", bench.create, key=key)


def test_versions_are_listed_highest_first(bench: Bench) -> None:
    for version in ("1.0.9", "1.0.10", "1.0.1"):
        bench.create(version)
    arn = "arn:aws:greengrass:eu-west-1:000000000000:components:com.x"
    found = bench.service.list_component_versions(CALL, arn=arn)["componentVersions"]
    assert [entry["componentVersion"] for entry in found] == ["1.0.10", "1.0.9", "1.0.1"]
    (latest,) = bench.service.list_components(CALL)["components"]
    assert latest["latestVersion"]["componentVersion"] == "1.0.10"
    page = bench.service.list_component_versions(CALL, arn=arn, maxResults=2)
    rest = bench.service.list_component_versions(CALL, arn=arn, maxResults=2, nextToken=page["nextToken"])
    assert [entry["componentVersion"] for entry in rest["componentVersions"]] == ["1.0.1"]


def test_a_deployment_needs_its_target_its_components_and_the_callers_rights_on_iot(bench: Bench) -> None:
    bench.create()
    assert "com.x with version 2.0.0" in refused("ResourceNotFoundException", bench.deploy, version="2.0.0")
    assert "thinggroup/none" in refused("ResourceNotFoundException", bench.deploy, GROUP[:-7] + "none")
    for action in ("iot:CreateJob", "iot:DescribeThingGroup", "iot:CancelJob"):
        bench.backing.denied = {action}
        assert action in refused("AccessDeniedException", bench.deploy)


def test_a_failure_shows_on_the_device_and_never_on_the_groups_deployment(bench: Bench) -> None:
    bench.create()
    deployment = bench.deploy()
    device = bench.connect()
    details = {"reason": "broken", "errorStack": ["DEPLOYMENT_FAILURE"], "errorTypes": ["COMPONENT_ERROR"]}
    bench.fleet.report(device, deployment, "FAILED", details)
    assert bench.statuses() == ["FAILED"]
    assert bench.service.get_deployment(CALL, deploymentId=deployment)["deploymentStatus"] == "ACTIVE"
    assert bench.ended == [("press", "FAILED")]
    bench.fleet.report(device, deployment, "SUCCEEDED", {})
    assert bench.statuses() == ["FAILED"], "what has ended stays as it ended"


@pytest.mark.parametrize(("reported", "status"), [("COMPLETED", "COMPLETED"), ("FAILED", "FAILED")])
def test_a_deployment_to_a_thing_ends(bench: Bench, reported: str, status: str) -> None:
    bench.create()
    deployment = bench.deploy(THING)
    bench.fleet.report(bench.connect(), deployment, reported, {})
    assert bench.service.get_deployment(CALL, deploymentId=deployment)["deploymentStatus"] == status


def test_a_newer_revision_takes_the_place_of_the_older(bench: Bench) -> None:
    bench.create()
    first = bench.deploy()
    device = bench.connect()
    second = bench.deploy()
    assert bench.statuses() == ["QUEUED", "CANCELED"]
    following = bench.fleet.next_deployment(device)
    assert following is not None
    assert following.id == second
    assert bench.service.get_deployment(CALL, deploymentId=first)["deploymentStatus"] == "INACTIVE"
    listed = bench.service.list_deployments(CALL, targetArn=GROUP)["deployments"]
    assert [entry["deploymentId"] for entry in listed] == [second]


def test_a_canceled_deployment_reaches_nobody_else(bench: Bench) -> None:
    bench.create()
    deployment = bench.deploy()
    bench.service.cancel_deployment(CALL, deploymentId=deployment)
    device = bench.connect()
    assert bench.fleet.next_deployment(device) is None
    refused("ConflictException", bench.service.cancel_deployment, CALL, deploymentId=deployment)


def test_too_many_failures_abort_the_job_for_the_others(bench: Bench) -> None:
    bench.create()
    criterion = {
        "failureType": "ALL",
        "action": "CANCEL",
        "thresholdPercentage": 50.0,
        "minNumberOfExecutedThings": 1,
    }
    first, second = bench.connect("first", GROUP), bench.connect("second", GROUP)
    deployment = bench.deploy(iotJobConfiguration={"abortConfig": {"criteriaList": [criterion]}})
    bench.fleet.report(first, deployment, "FAILED", {})
    assert bench.statuses("second") == ["CANCELED"]
    assert bench.fleet.next_deployment(second) is None
    assert bench.service.get_deployment(CALL, deploymentId=deployment)["deploymentStatus"] == "CANCELED"


def test_a_device_that_takes_too_long_times_out(bench: Bench) -> None:
    bench.create()
    limit = {"timeoutConfig": {"inProgressTimeoutInMinutes": 5}}
    deployment = bench.deploy(iotJobConfiguration=limit)
    device = bench.connect()
    bench.fleet.report(device, deployment, "IN_PROGRESS", {})
    assert bench.statuses() == ["IN_PROGRESS"]
    started = device.executions[deployment].started
    assert started is not None
    device.executions[deployment].started = started - 301
    assert bench.statuses() == ["TIMED_OUT"]


def test_what_is_not_served_is_refused_by_name(bench: Bench) -> None:
    bench.create()
    message = refused("UnsupportedOperation", bench.deploy, GROUP, parentTargetArn=GROUP)
    assert "parentTargetArn" in message
    assert "lambdaFunction" in refused(
        "UnsupportedOperation", bench.service.create_component_version, CALL, lambdaFunction={}
    )


def test_iam_is_asked_about_the_components_own_arns(bench: Bench) -> None:
    found = bench.service.resource_arns(CALL, "CreateComponentVersion", {"inlineRecipe": recipe("1.0.0")})
    assert found == ["arn:aws:greengrass:eu-west-1:000000000000:components:com.x"]
    assert bench.service.resource_arns(CALL, "CreateDeployment", {"targetArn": GROUP}) == ["*"]
    (device,) = bench.service.resource_arns(CALL, "GetCoreDevice", {"coreDeviceThingName": "press"})
    assert device.endswith(":coreDevices:press")


def test_cloudformation_makes_replaces_and_removes_versions(bench: Bench) -> None:
    kind = ComponentVersionType(bench.service)
    context = ResourceContext(CALL, "edge", "Inspector")
    old, new = {"InlineRecipe": recipe("1.0.0").decode()}, {"InlineRecipe": recipe("1.0.1").decode()}
    arn, attributes = kind.create(old, context)
    assert attributes["ComponentVersion"] == "1.0.0"
    assert kind.update(arn, old, {**old, "Tags": {"a": "b"}}, context)[0] == arn
    replaced, _ = kind.update(arn, old, new, context)
    assert replaced != arn
    kind.delete(arn, old, context)
    kind.delete(arn, old, context)
    assert [str(version) for _, version in bench.fleet.components] == ["1.0.1"]
    with pytest.raises(AwsError, match="LambdaFunction"):
        kind.create({"LambdaFunction": {}}, context)


def test_cloudformation_deploys_and_cancels(bench: Bench) -> None:
    bench.create()
    kind = DeploymentType(bench.service)
    context = ResourceContext(CALL, "edge", "Deployment")
    properties = {
        "TargetArn": GROUP,
        "Components": {"com.x": {"ComponentVersion": "1.0.0"}},
        "DeploymentPolicies": {"FailureHandlingPolicy": "ROLLBACK"},
    }
    first, _ = kind.create(properties, context)
    assert bench.fleet.deployments[first].policies == {"failureHandlingPolicy": "ROLLBACK"}
    assert kind.update(first, properties, {**properties, "Tags": {"a": "b"}}, context)[0] == first
    second, _ = kind.update(first, properties, {**properties, "DeploymentName": "again"}, context)
    assert second != first
    kind.delete(first, properties, context)
    kind.delete(second, properties, context)
    assert bench.fleet.deployments[second].canceled
