"""Faults on the way from a promotion to the devices; after each, prod devices run what they ran before."""

import io
import json
import os
import tarfile
import threading
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faults.seams import THROTTLED, Deployed, eventually, refusing
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from local.cloud.server import LocalCloud
from local.greengrass import Device
from stacks.data_stack import DataStack
from stacks.edge_stack import EdgeStack

pytestmark = pytest.mark.acceptance
NAME = "rollout-faults"
GROUP = f"{NAME}-tags"
INSPECTOR, MODEL = f"com.{NAME}.inspector", f"com.{NAME}.model.tags"


def model(score: float = 0.9) -> bytes:
    """A detector that finds one scratch with `score`, whatever it sees."""
    boxes = numpy_helper.from_array(np.array([[8, 8, 40, 40]], dtype=np.float32), "box")
    scores = numpy_helper.from_array(np.array([[score]], dtype=np.float32), "score")
    nodes = [
        helper.make_node("Identity", ["box"], ["boxes"]),
        helper.make_node("Identity", ["score"], ["scores"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 64, 64])
    outputs = [
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [1, 4]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 1]),
    ]
    graph = helper.make_graph(nodes, "constant", [image], outputs, [boxes, scores])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(made, {"classes": '["scratch"]', "input_height": "64", "input_width": "64"})
    return bytes(made.SerializeToString())


class Camera:
    """Drops a picture into a device's input folder, again and again."""

    def __init__(self, device: Device, picture: Path) -> None:
        self._folder, self._picture = device.work(INSPECTOR) / "pictures", picture
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(0.5):
            if self._folder.is_dir():
                hidden = self._folder / ".taken"
                hidden.write_bytes(self._picture.read_bytes())
                os.replace(hidden, self._folder / f"{uuid.uuid4().hex}.png")

    def stop(self) -> None:
        self._over.set()
        self._thread.join()


class Fleet:
    """The deployed Edge stack, a staging device and one in prod, both with a good model."""

    def __init__(self, cloud: LocalCloud, folder: Path) -> None:
        def make(app: Any, config: Any) -> None:
            data = DataStack(app, "Data", config=config)
            EdgeStack(
                app, "Edge", config=config, images=data.images, artifacts=data.artifacts, key=data.key,
                workflows=data.workflows,
            )  # fmt: skip

        self.deployed = Deployed(cloud, folder, NAME, make)
        self.deployed.first_run(self.deployed.output("edge", "InspectorPipeline"))
        session = cloud.root_session()
        self.sagemaker, self.events = session.client("sagemaker"), session.client("events")
        self.greengrass, self.iot = session.client("greengrassv2"), session.client("iot")
        self.bucket = self.deployed.output("data", "ArtifactsBucket")
        self.machine = self.deployed.output("edge", "StateMachineArn")
        Image.new("RGB", (64, 48), (90, 120, 90)).save(folder / "picture.png")
        self.staging, self.prod = (self._device(cloud, folder, word) for word in ("Staging", "Prod"))
        self._cameras = [Camera(device, folder / "picture.png") for device in (self.staging, self.prod)]

    def _device(self, cloud: LocalCloud, folder: Path, word: str) -> Device:
        output = self.deployed.output
        group, policy = output("edge", f"{word}ThingGroup"), output("edge", f"{word}IotPolicy")
        name = f"{word.lower()}-{NAME}"
        device = Device(cloud, name, group, output("edge", "RoleAlias"), policy, folder / name)
        device.start()
        return device

    def close(self) -> None:
        for camera in self._cameras:
            camera.stop()
        for device in (self.staging, self.prod):
            device.stop()

    def register(self, content: bytes | None = None) -> str:
        """Register and approve a model, which is already promoted; the package's ARN."""
        run = f"runs/tags/{uuid.uuid4().hex}"
        buffer, onnx_bytes = io.BytesIO(), content if content is not None else model()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            entry = tarfile.TarInfo("model.onnx")
            entry.size = len(onnx_bytes)
            archive.addfile(entry, io.BytesIO(onnx_bytes))
        data = self.deployed.put(self.bucket, f"{run}/model/model.tar.gz", buffer.getvalue())
        manifest = json.dumps({"sha256": "abc", "classes": ["scratch"]})
        facts = self.deployed.put(self.bucket, f"{run}/dataset/manifest.json", manifest)
        image = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-inference:cpu"
        made = self.sagemaker.create_model_package(
            ModelPackageGroupName=GROUP,
            ModelApprovalStatus="Approved",
            InferenceSpecification={
                "Containers": [{"Image": image, "ModelDataUrl": data}],
                "SupportedContentTypes": ["image/jpeg"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
            CustomerMetadataProperties={"dataset_manifest": facts},
        )
        return str(made["ModelPackageArn"])

    def executions(self) -> set[str]:
        pages = self.deployed.states.get_paginator("list_executions").paginate(stateMachineArn=self.machine)
        return {found["executionArn"] for page in pages for found in page["executions"]}

    def begin(self, package: str) -> str:
        """Announce a promotion and return the rollout that this starts."""
        before, number = self.executions(), package.rsplit("/", 1)[1]
        detail = {
            "model": "tags",
            "model_package_arn": package,
            "release": f"s3://{self.bucket}/releases/tags/{number}/release.json",
            "promoted_at": f"2026-11-21T17:20:30.{int(number):03d}Z",
        }
        event = {"Source": NAME, "DetailType": "Model Promoted", "Detail": json.dumps(detail)}
        self.events.put_events(Entries=[event])
        [execution] = eventually(lambda: self.executions() - before)
        return str(execution)

    def ended(self, execution: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.deployed.states.describe_execution(executionArn=execution)
            return None if found["status"] == "RUNNING" else found

        return dict(eventually(look))

    def roll_out(self, package: str) -> dict[str, Any]:
        return self.ended(self.begin(package))

    def deployments(self, environment: str) -> list[str]:
        """The deployments to a group, newest first."""
        name = self.deployed.output("edge", f"{environment}ThingGroup")
        group = self.iot.describe_thing_group(thingGroupName=name)["thingGroupArn"]
        listed = self.greengrass.list_deployments(targetArn=group, historyFilter="ALL")["deployments"]
        return [deployment["deploymentId"] for deployment in listed]

    def runs(self, device: Device) -> str | None:
        """The version of the model that a device runs, None while it runs none."""
        status = device.status()
        version: str | None = status["component_versions"].get(MODEL)
        return version if status["status"] == "RUNNING" else None

    def has_taken(self, device: Device, deployment: str) -> bool:
        """Tell whether a device has ended a deployment well, by what it reported to the cloud."""
        found = self.greengrass.list_effective_deployments(coreDeviceThingName=device.thing_name)
        status = {d["deploymentId"]: d["coreDeviceExecutionStatus"] for d in found["effectiveDeployments"]}
        return status.get(deployment) == "SUCCEEDED"

    def outcome(self, package: str) -> str:
        key = f"releases/tags/{package.rsplit('/', 1)[1]}/rollout.json"
        body = self.deployed.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return str(json.loads(body)["outcome"])


@pytest.fixture(scope="module")
def fleet(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    made = Fleet(cloud, tmp_path_factory.mktemp("rollout"))
    try:
        assert made.roll_out(made.register())["status"] == "SUCCEEDED"
        yield made
    finally:
        made.close()


@pytest.fixture
def untouched(fleet: Fleet) -> Iterator[Fleet]:
    """The fleet; afterwards prod was never deployed to, and both devices run what they ran before."""
    deployments, version = fleet.deployments("Prod"), fleet.runs(fleet.prod)
    assert version
    yield fleet
    assert fleet.deployments("Prod") == deployments, "prod is untouched"
    assert fleet.runs(fleet.prod) == version
    # The last word to staging is the version before, whatever the device's disk said when it came back.
    eventually(lambda: fleet.has_taken(fleet.staging, fleet.deployments("Staging")[0]))
    eventually(lambda: fleet.runs(fleet.staging) == version)


def version_of(package: str) -> str:
    return f"1.0.{package.rsplit('/', 1)[1]}"


def begin_and_kill(fleet: Fleet, package: str) -> str:
    """Begin a rollout and cut the staging device's power while it is at the deployment."""
    began = fleet.deployments("Staging")
    execution = fleet.begin(package)
    eventually(lambda: fleet.deployments("Staging") != began)
    [newest, *_] = fleet.deployments("Staging")

    def is_at_it() -> bool:
        deployment = fleet.staging.status()["deployment"]
        return bool(deployment.get("deploymentId") == newest and deployment["status"] == "IN_PROGRESS")

    eventually(is_at_it)
    fleet.staging.kill()
    assert is_at_it(), "it had not ended the deployment before"
    return execution


def test_a_device_that_dies_in_the_middle_of_a_deployment_comes_back_to_it(fleet: Fleet) -> None:
    package = fleet.register()
    execution = begin_and_kill(fleet, package)
    assert fleet.staging.status()["status"] == "STOPPED"
    fleet.staging.start()
    assert fleet.ended(execution)["status"] == "SUCCEEDED"
    assert [fleet.runs(device) for device in (fleet.staging, fleet.prod)] == [version_of(package)] * 2


@pytest.mark.parametrize("during", [False, True], ids=["before the deployment", "in the middle of it"])
def test_a_device_that_dies_and_stays_dead_ends_the_rollout_by_name(untouched: Fleet, during: bool) -> None:
    package = untouched.register()
    if during:
        execution = begin_and_kill(untouched, package)
    else:
        untouched.staging.kill()
        execution = untouched.begin(package)
    ended = untouched.ended(execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "DevicesFailed")
    assert untouched.staging.thing_name in ended["cause"]
    assert untouched.outcome(package) == "DevicesFailed"
    untouched.staging.start()


def test_an_artifact_that_was_changed_after_its_digest_was_taken_is_refused(untouched: Fleet) -> None:
    package = untouched.register()
    untouched.staging.kill()
    began = untouched.deployments("Staging")
    execution = untouched.begin(package)
    eventually(lambda: untouched.deployments("Staging") != began)
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("model.onnx", b"another model")
    untouched.deployed.put(
        untouched.bucket, f"components/{MODEL}/{version_of(package)}/model.zip", other.getvalue()
    )
    untouched.staging.start()
    ended = untouched.ended(execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "DevicesFailed")
    assert f"{untouched.staging.thing_name} FAILED" in ended["cause"]


def test_a_model_that_no_device_can_load_stays_on_staging_and_is_taken_back(untouched: Fleet) -> None:
    package = untouched.register(b"this is no model")
    ended = untouched.roll_out(package)
    assert (ended["status"], ended["error"]) == ("FAILED", "DevicesFailed")
    assert f"{untouched.staging.thing_name} FAILED" in ended["cause"]


def test_a_promotion_of_a_package_that_was_rejected_since_deploys_nothing(untouched: Fleet) -> None:
    package = untouched.register()
    untouched.sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Rejected")
    staging = untouched.deployments("Staging")
    ended = untouched.roll_out(package)
    assert (ended["status"], ended["error"]) == ("FAILED", "NoLongerApproved")
    assert untouched.deployments("Staging") == staging


def test_a_removed_grant_fails_the_rollout_by_the_actions_name(untouched: Fleet) -> None:
    package = untouched.register()
    staging = untouched.deployments("Staging")
    with untouched.deployed.without_grant("greengrass:CreateComponentVersion"):
        ended = untouched.roll_out(package)
    assert ended["status"] == "FAILED"
    assert "not authorized to perform: greengrass:CreateComponentVersion" in ended["cause"]
    assert untouched.deployments("Staging") == staging


def test_after_all_of_them_a_throttled_rollout_of_a_good_model_reaches_every_device(fleet: Fleet) -> None:
    package = fleet.register()
    with refusing("CreateDeployment", THROTTLED, times=5) as faults:
        ended = fleet.roll_out(package)
    assert faults.left == 0
    assert ended["status"] == "SUCCEEDED", ended
    assert [fleet.runs(device) for device in (fleet.staging, fleet.prod)] == [version_of(package)] * 2
