"""The deployed Edge stack with a staging device and one in prod, which inspect the pictures of a camera."""

import json
import os
import threading
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from archives import tar_gz
from faults.seams import Deployed
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from waiting import eventually

from local.cloud.server import LocalCloud
from local.demo.workflows import run_pipeline
from local.greengrass import Device
from stacks.data_stack import DataStack
from stacks.edge_stack import EdgeStack


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

    def __init__(self, device: Device, inspector: str, picture: Path) -> None:
        self._folder, self._picture = device.work(inspector) / "pictures", picture
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


def add_stacks(app: Any, config: Any) -> None:
    data = DataStack(app, "Data", config=config)
    EdgeStack(
        app, "Edge", config=config, images=data.images, artifacts=data.artifacts, key=data.key,
        workflows=data.workflows,
    )  # fmt: skip


class Fleet:
    """The deployed Edge stack, a staging device and one in prod, both with a good model."""

    def __init__(self, cloud: LocalCloud, folder: Path, name: str) -> None:
        self.name, self._folder = name, folder
        self.inspector, self.model = f"com.{name}.inspector", f"com.{name}.model.tags"
        self.deployed = Deployed(cloud, folder, name, add_stacks)
        self.deployed.first_run(self.deployed.output("edge", "InspectorPipeline"))
        session = cloud.root_session()
        self.sagemaker, self.events = session.client("sagemaker"), session.client("events")
        self.greengrass, self.iot = session.client("greengrassv2"), session.client("iot")
        self.bucket = self.deployed.output("data", "ArtifactsBucket")
        self.machine = self.deployed.output("edge", "StateMachineArn")
        Image.new("RGB", (64, 48), (90, 120, 90)).save(folder / "picture.png")
        self.staging, self.prod = (self._device(cloud, folder, word) for word in ("Staging", "Prod"))
        self.devices = (self.staging, self.prod)
        self._cameras = [Camera(device, self.inspector, folder / "picture.png") for device in self.devices]

    def _device(self, cloud: LocalCloud, folder: Path, word: str) -> Device:
        output = self.deployed.output
        group, policy = output("edge", f"{word}ThingGroup"), output("edge", f"{word}IotPolicy")
        thing = f"{word.lower()}-{self.name}"
        device = Device(cloud, thing, group, output("edge", "RoleAlias"), policy, folder / thing)
        device.start()
        return device

    def close(self) -> None:
        for camera in self._cameras:
            camera.stop()
        for device in self.devices:
            device.stop()

    def register(self, content: bytes | None = None) -> str:
        """Register and approve a model, which is already promoted; the package's ARN."""
        run = f"runs/tags/{uuid.uuid4().hex}"
        packed = tar_gz({"model.onnx": content if content is not None else model()})
        data = self.deployed.put(self.bucket, f"{run}/model/model.tar.gz", packed)
        manifest = json.dumps({"sha256": "abc", "classes": ["scratch"]})
        facts = self.deployed.put(self.bucket, f"{run}/dataset/manifest.json", manifest)
        image = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-inference:cpu"
        made = self.sagemaker.create_model_package(
            ModelPackageGroupName=f"{self.name}-tags",
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

    def begin(self, package: str, *, after: int = 0) -> str:
        """Announce a promotion, `after` so many milliseconds more; return the rollout that this starts."""
        before, number = self.executions(), package.rsplit("/", 1)[1]
        detail = {
            "model": "tags",
            "model_package_arn": package,
            "release": f"s3://{self.bucket}/releases/tags/{number}/release.json",
            "promoted_at": f"2026-11-21T17:20:30.{int(number) + after:03d}Z",
        }
        event = {"Source": self.name, "DetailType": "Model Promoted", "Detail": json.dumps(detail)}
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
        version: str | None = status["component_versions"].get(self.model)
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

    def change_inspector(self, unsure_low: float) -> str:
        """Deploy the stack with another configuration of the inspector; its version, not published yet."""

        def make(app: Any, config: Any) -> None:
            add_stacks(app, replace(config, fleet=replace(config.fleet, unsure_low=unsure_low)))

        changed = Deployed(self.deployed.cloud, self._folder / f"unsure-{unsure_low}", self.name, make)
        return changed.output("edge", "InspectorVersion")

    def publish(self) -> None:
        """Run the inspector's pipeline by hand, to its end."""
        codepipeline = self.deployed.cloud.root_session().client("codepipeline")
        pipeline = self.deployed.output("edge", "InspectorPipeline")
        run_pipeline(codepipeline, pipeline, {"COMMIT": "abc"}, tick=lambda _: None)

    def versions(self, component: str) -> list[str | None]:
        """What the devices run of a component."""
        return [device.status()["component_versions"].get(component) for device in self.devices]
