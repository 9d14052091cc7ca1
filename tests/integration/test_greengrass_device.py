"""A core device as a process against the local cloud: deployments, failures, and the real inspector."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from botocore.exceptions import ClientError
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from waiting import eventually

from local.cloud.server import LocalCloud
from local.greengrass import Device

ROOT = Path(__file__).parents[2]
BUCKET = "device-files"
PATIENCE_SECONDS = 60
DONE = ("SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELED", "REJECTED")


def statement(actions: str | list[str], resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class Fleet:
    """A thing group, what its devices may do, and the API as an operator uses it."""

    def __init__(self, cloud: LocalCloud, directory: Path) -> None:
        self.cloud, self.directory = cloud, directory
        self.suffix = uuid.uuid4().hex[:8]
        self.group, self.alias, self.policy = (
            f"group-{self.suffix}",
            f"alias-{self.suffix}",
            f"policy-{self.suffix}",
        )
        session = cloud.root_session()
        self.iot, self.iam, self.s3, self.greengrass = (
            session.client(name) for name in ("iot", "iam", "s3", "greengrassv2")
        )
        self.devices: list[Device] = []
        self._make_bucket()
        self._make_role()
        self.iot.create_thing_group(thingGroupName=self.group)
        here = f"arn:aws:iot:{cloud.region}:{cloud.account}"
        self.iot.create_policy(
            policyName=self.policy,
            policyDocument=document(
                statement("iot:Connect", f"{here}:client/${{iot:Connection.Thing.ThingName}}"),
                statement("iot:Publish", f"{here}:topic/edgeline/${{iot:Connection.Thing.ThingName}}/*"),
                statement("iot:AssumeRoleWithCertificate", f"{here}:rolealias/{self.alias}"),
                statement(
                    ["greengrass:GetDeploymentConfiguration", "greengrass:ResolveComponentCandidates"], "*"
                ),
            ),
        )

    def _make_bucket(self) -> None:
        names = [bucket["Name"] for bucket in self.s3.list_buckets()["Buckets"]]
        if BUCKET not in names:
            where = {"LocationConstraint": self.cloud.region}
            self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)

    def _make_role(self) -> None:
        name = f"tes-{self.suffix}"
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "credentials.iot.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
        allowed = statement(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{BUCKET}/*")
        self.iam.put_role_policy(RoleName=name, PolicyName="s3", PolicyDocument=document(allowed))
        self.iot.create_role_alias(roleAlias=self.alias, roleArn=role)

    @property
    def group_arn(self) -> str:
        return f"arn:aws:iot:{self.cloud.region}:{self.cloud.account}:thinggroup/{self.group}"

    def device(self, name: str = "device", settle_seconds: float = 0.5) -> Device:
        thing = f"{name}-{self.suffix}"
        directory = self.directory / thing
        made = Device(
            self.cloud, thing, self.group, self.alias, self.policy, directory, settle_seconds=settle_seconds
        )
        self.devices.append(made)
        made.start()
        return made

    def component(self, name: str, version: str, run: str, **more: Any) -> str:
        """Create a component whose zip artifact holds a file `version`; return its name."""
        name = f"com.{name}.{self.suffix}"
        uri = self.upload(f"{name}/{version}/files.zip", {"version": version.encode()})
        recipe = {
            "RecipeFormatVersion": "2020-01-25",
            "ComponentName": name,
            "ComponentVersion": version,
            "Manifests": [
                {
                    "Platform": {"os": "linux", "runtime": "*"},
                    "Artifacts": [{"Uri": uri, "Unarchive": "ZIP"}],
                    "Lifecycle": {"run": run, **more.pop("lifecycle", {})},
                }
            ],
            **more,
        }
        self.greengrass.create_component_version(inlineRecipe=json.dumps(recipe).encode())
        return name

    def upload(self, key: str, files: dict[str, bytes]) -> str:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=buffer.getvalue())
        return f"s3://{BUCKET}/{key}"

    def deploy(self, components: dict[str, Any], **more: Any) -> str:
        entries = {n: v if isinstance(v, dict) else {"componentVersion": v} for n, v in components.items()}
        made = self.greengrass.create_deployment(targetArn=self.group_arn, components=entries, **more)
        return str(made["deploymentId"])

    def effective(self, device: Device, deployment: str) -> dict[str, Any]:
        try:
            answer = self.greengrass.list_effective_deployments(coreDeviceThingName=device.thing_name)
        except ClientError:
            return {}
        return next((d for d in answer["effectiveDeployments"] if d["deploymentId"] == deployment), {})

    def outcome(self, device: Device, deployment: str) -> dict[str, Any]:
        """Wait until the device has ended the deployment."""
        return eventually(
            lambda: (
                found
                if (found := self.effective(device, deployment)).get("coreDeviceExecutionStatus") in DONE
                else None
            )
        )


@pytest.fixture
def fleet(cloud: LocalCloud, tmp_path: Path) -> Iterator[Fleet]:
    made = Fleet(cloud, tmp_path)
    yield made
    for device in made.devices:
        device.stop()


RUN = "cat {artifacts:decompressedPath}/files/version >> {work:path}/ran; exec sleep 1000"


def test_a_deployment_reaches_a_device_that_connects_later(fleet: Fleet) -> None:
    name = fleet.component("hello", "1.0.0", RUN)
    deployment = fleet.deploy({name: "1.0.0"})
    device = fleet.device()
    found = fleet.outcome(device, deployment)
    assert found["coreDeviceExecutionStatus"] == "SUCCEEDED"
    assert device.status()["status"] == "RUNNING"
    assert device.status()["component_versions"] == {name: "1.0.0"}
    assert (device.work(name) / "ran").read_text() == "1.0.0"
    assert fleet.greengrass.get_deployment(deploymentId=deployment)["deploymentStatus"] == "ACTIVE"
    installed = fleet.greengrass.list_installed_components(coreDeviceThingName=device.thing_name)
    assert [c["componentVersion"] for c in installed["installedComponents"]] == ["1.0.0"]


def test_a_component_that_keeps_failing_is_rolled_back(fleet: Fleet) -> None:
    name = fleet.component("flaky", "1.0.0", RUN)
    fleet.component("flaky", "1.0.1", "echo began >> {work:path}/began; exit 3")
    device = fleet.device()
    fleet.outcome(device, fleet.deploy({name: "1.0.0"}))
    broken = fleet.deploy({name: "1.0.1"})
    found = fleet.outcome(device, broken)
    assert found["coreDeviceExecutionStatus"] == "FAILED"
    assert "FAILED_ROLLBACK_COMPLETE" in found["reason"]
    assert "exit code 3" in found["reason"]
    assert "COMPONENT_BROKEN" in found["statusDetails"]["errorStack"]
    assert (device.work(name) / "began").read_text().count("began") == 4
    assert device.status()["component_versions"] == {name: "1.0.0"}
    assert device.status()["status"] == "RUNNING"
    assert fleet.greengrass.get_deployment(deploymentId=broken)["deploymentStatus"] == "ACTIVE"


def test_without_rollback_the_broken_component_stays(fleet: Fleet) -> None:
    name = fleet.component("stays", "1.0.0", "exit 1")
    device = fleet.device()
    policies = {"failureHandlingPolicy": "DO_NOTHING"}
    found = fleet.outcome(device, fleet.deploy({name: "1.0.0"}, deploymentPolicies=policies))
    assert "FAILED_ROLLBACK_NOT_REQUESTED" in found["reason"]
    assert device.status()["status"] == "BROKEN"


def test_a_changed_artifact_is_refused_and_nothing_is_touched(fleet: Fleet) -> None:
    name = fleet.component("signed", "1.0.0", RUN)
    fleet.component("signed", "1.0.1", RUN)
    device = fleet.device()
    fleet.outcome(device, fleet.deploy({name: "1.0.0"}))
    fleet.upload(f"{name}/1.0.1/files.zip", {"version": b"something else"})
    found = fleet.outcome(device, fleet.deploy({name: "1.0.1"}))
    assert found["coreDeviceExecutionStatus"] == "FAILED"
    assert found["reason"].startswith("FAILED_NO_STATE_CHANGE")
    assert "SHA-256" in found["reason"]
    assert device.status()["component_versions"] == {name: "1.0.0"}


def test_a_dependency_that_nothing_satisfies_fails_by_name(fleet: Fleet) -> None:
    wants = {"com.absent": {"VersionRequirement": "^2.0.0", "DependencyType": "HARD"}}
    name = fleet.component("needy", "1.0.0", RUN, ComponentDependencies=wants)
    device = fleet.device()
    found = fleet.outcome(device, fleet.deploy({name: "1.0.0"}))
    assert found["statusDetails"]["errorStack"] == ["DEPLOYMENT_FAILURE", "NO_AVAILABLE_COMPONENT_VERSION"]
    assert "com.absent" in found["reason"]


def test_a_device_that_is_killed_goes_on_from_its_disk(fleet: Fleet) -> None:
    name = fleet.component("survivor", "1.0.0", RUN)
    device = fleet.device()
    fleet.outcome(device, fleet.deploy({name: "1.0.0"}))
    device.kill()
    assert device.status()["status"] == "STOPPED"
    device.start()
    eventually(lambda: (device.work(name) / "ran").read_text() == "1.0.0" * 2)
    eventually(lambda: device.status()["status"] == "RUNNING")


def test_nothing_outlives_the_nucleus_nor_the_nucleus_its_parent(fleet: Fleet) -> None:
    name = fleet.component("child", "1.0.0", RUN)
    device = fleet.device()
    fleet.outcome(device, fleet.deploy({name: "1.0.0"}))
    (component,) = eventually(lambda: json.loads((device.directory / "status.json").read_text())["processes"])
    nucleus = device._process
    assert nucleus is not None
    assert nucleus.stdin is not None
    nucleus.stdin.close()  # what happens when the process that started it is gone, however it went
    nucleus.wait(PATIENCE_SECONDS)
    assert not Path(f"/proc/{component}").exists()

    device.start()
    before = component
    eventually(lambda: (found := running(device)) and found != [before])
    (component,) = running(device)
    assert device._process is not None
    device._process.kill()
    eventually(lambda: not alive(component))


def running(device: Device) -> list[int]:
    found: list[int] = json.loads((device.directory / "status.json").read_text())["processes"]
    return found


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_without_the_policy_there_are_no_credentials(fleet: Fleet) -> None:
    name = fleet.component("locked", "1.0.0", RUN)
    here = f"arn:aws:iot:{fleet.cloud.region}:{fleet.cloud.account}"
    fleet.policy = f"weak-{fleet.suffix}"
    fleet.iot.create_policy(
        policyName=fleet.policy,
        policyDocument=document(
            statement("iot:Connect", f"{here}:client/*"),
            statement(
                ["greengrass:GetDeploymentConfiguration", "greengrass:ResolveComponentCandidates"], "*"
            ),
        ),
    )
    device = fleet.device()
    found = fleet.outcome(device, fleet.deploy({name: "1.0.0"}))
    assert "iot:AssumeRoleWithCertificate" in found["reason"]


def test_who_deploys_needs_the_rights_on_iot_that_greengrass_uses_for_them(fleet: Fleet) -> None:
    name = fleet.component("guarded", "1.0.0", RUN)
    granted = ["greengrass:CreateDeployment", "iot:DescribeThingGroup"]
    for missing, actions in (("iot:CreateJob", granted), (None, [*granted, "iot:*Job"])):
        made = fleet.iam.create_policy(
            PolicyName=f"deployer-{len(actions)}-{fleet.suffix}",
            PolicyDocument=document(statement(actions, "*")),
        )
        deployer = fleet.cloud.user(f"deployer-{fleet.suffix}", [made["Policy"]["Arn"]])
        greengrass = fleet.cloud.session(deployer).client("greengrassv2")
        components = {name: {"componentVersion": "1.0.0"}}
        if missing:
            with pytest.raises(ClientError, match=missing):
                greengrass.create_deployment(targetArn=fleet.group_arn, components=components)
        else:
            assert greengrass.create_deployment(targetArn=fleet.group_arn, components=components)["iotJobId"]


def write_model(path: Path, score: float) -> bytes:
    """Write a detector that finds one scratch with `score`, whatever it sees."""
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
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"classes": '["scratch"]', "input_height": "64", "input_width": "64"})
    onnx.save(model, path)
    return path.read_bytes()


class Line:
    """The project's own recipes and code, as the stacks and functions fill them in."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.inspector = f"com.{fleet.suffix}.inspector"
        self.model = f"com.{fleet.suffix}.model.tags"

    def create(self, template: str, **values: str) -> None:
        recipe = (ROOT / template).read_text()
        for name, value in values.items():
            recipe = recipe.replace(f"@{name}@", value)
        self.fleet.greengrass.create_component_version(inlineRecipe=recipe.encode())

    def create_inspector(self) -> None:
        files = {}
        for package in ("edge", "inference"):
            for path in (ROOT / package).rglob("*"):
                if path.is_file() and "__pycache__" not in path.parts:
                    files[str(path.relative_to(ROOT))] = path.read_bytes()
        self.create(
            "edge/inspector/recipe.yaml",
            COMPONENT=self.inspector,
            VERSION="1.0.7",
            ARTIFACT_URI=self.fleet.upload(f"{self.inspector}/0123abcd.zip", files),
            ARTIFACT_NAME="0123abcd",
            MODEL_COMPONENT=self.model,
            MODEL="tags",
            IMAGES_BUCKET=BUCKET,
            ARTIFACTS_BUCKET=BUCKET,
            UNSURE_LOW="0.15",
            UNSURE_HIGH="0.6",
            MIN_SCORE="0.25",
        )

    def create_model(self, version: str, content: bytes) -> str:
        arn = f"arn:aws:sagemaker:eu-west-1:000000000000:model-package/tags/{version.rsplit('.', 1)[-1]}"
        facts = json.dumps({"model": "tags", "model_package_arn": arn}).encode()
        uri = self.fleet.upload(
            f"{self.model}/{version}/model.zip", {"model.onnx": content, "model.json": facts}
        )
        self.create(
            "edge/model/recipe.yaml",
            COMPONENT=self.model,
            VERSION=version,
            ARTIFACT_URI=uri,
            ARTIFACT_NAME="model",
        )
        return arn

    def deploy(self, version: str) -> str:
        return self.fleet.deploy({self.inspector: "1.0.7", self.model: version})

    def health(self, device: Device, version: str) -> dict[str, Any]:
        key = f"edge/{device.thing_name}/health/{version}.json"
        try:
            body = self.fleet.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        except ClientError:
            return {}
        report: dict[str, Any] = json.loads(body)
        return report

    def returned(self, device: Device) -> list[str]:
        prefix = f"images/tags/returned/{device.thing_name}/"
        found = self.fleet.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        return [entry["Key"] for entry in found.get("Contents", [])]


def test_the_inspector_inspects_returns_what_it_is_unsure_of_and_takes_a_new_model(
    fleet: Fleet, tmp_path: Path
) -> None:
    line = Line(fleet)
    line.create_inspector()
    first = line.create_model("1.0.1", write_model(tmp_path / "a.onnx", 0.4))
    second = line.create_model("1.0.2", write_model(tmp_path / "b.onnx", 0.9))
    line.create_model("1.0.3", b"this is no model")
    device = fleet.device("press", settle_seconds=30)  # it says itself when it runs
    found = fleet.outcome(device, line.deploy("1.0.1"))
    assert found["coreDeviceExecutionStatus"] == "SUCCEEDED", found
    pictures = device.work(line.inspector) / "pictures"
    Image.new("RGB", (64, 48), (90, 120, 90)).save(tmp_path / "one.png")
    (tmp_path / "one.png").rename(pictures / "one.png")
    (pictures / "bad.jpg").write_bytes(b"\xff\xd8 broken")

    eventually(lambda: line.returned(device))
    eventually(lambda: line.health(device, "1.0.1").get("images_returned") == 1)
    report = line.health(device, "1.0.1")
    assert report["model_package_arn"] == first
    assert (report["inferences"], report["rejected"]) == (1, 1)
    assert report["component_versions"] == {line.inspector: "1.0.7", line.model: "1.0.1"}
    metadata = fleet.s3.head_object(Bucket=BUCKET, Key=line.returned(device)[0])["Metadata"]
    assert (metadata["thing"], metadata["package"]) == (device.thing_name, first)
    assert not list(pictures.iterdir())

    assert fleet.outcome(device, line.deploy("1.0.2"))["coreDeviceExecutionStatus"] == "SUCCEEDED"
    eventually(lambda: line.health(device, "1.0.2").get("model_package_arn") == second)

    failed = fleet.outcome(device, line.deploy("1.0.3"))
    assert "FAILED_ROLLBACK_COMPLETE" in failed["reason"]
    assert device.status()["component_versions"][line.model] == "1.0.2"
    assert device.status()["status"] == "RUNNING"
