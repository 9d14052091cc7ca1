"""The deployed Edge stack without a device: what a rollout makes and how it ends, IAM enforced."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from archives import tar_gz
from waiting import eventually

from config import Edgeline
from local.cloud.deploy import deploy
from local.cloud.server import LocalCloud
from stacks.data_stack import DataStack
from stacks.edge_stack import EdgeStack

ROOT = Path(__file__).parents[2]
NAME = "rollout-test"


@pytest.fixture(scope="module")
def outputs(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    assembly = tmp_path_factory.mktemp("rollout")
    app = cdk.App(outdir=str(assembly), context=json.loads((ROOT / "cdk.json").read_text())["context"])
    models = {"tags": {"task": "detection", "classes": ["scratch"]}}
    config = Edgeline.from_values({"name": NAME, "models": models})
    data = DataStack(app, "Data", config=config)
    EdgeStack(
        app, "Edge", config=config, images=data.images, artifacts=data.artifacts, key=data.key,
        workflows=data.workflows,
    )  # fmt: skip
    app.synth()
    return deploy(assembly, cloud)


def register(cloud: LocalCloud, bucket: str) -> str:
    session = cloud.root_session()
    s3, sagemaker = session.client("s3"), session.client("sagemaker")
    archive = tar_gz({"model.onnx": b"onnx"})
    s3.put_object(Bucket=bucket, Key="runs/tags/r/model/model.tar.gz", Body=archive)
    manifest = json.dumps({"sha256": "abc", "classes": ["scratch"]})
    s3.put_object(Bucket=bucket, Key="runs/tags/r/dataset/manifest.json", Body=manifest.encode())
    image = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-inference:cpu"
    container = {"Image": image, "ModelDataUrl": f"s3://{bucket}/runs/tags/r/model/model.tar.gz"}
    arn = sagemaker.create_model_package(
        ModelPackageGroupName=f"{NAME}-tags",
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["image/jpeg"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        CustomerMetadataProperties={"dataset_manifest": f"s3://{bucket}/runs/tags/r/dataset/manifest.json"},
    )["ModelPackageArn"]
    return str(arn)


def ended(states: Any, machine: str) -> dict[str, Any]:
    """Wait for the one execution of the state machine to end."""

    def look() -> dict[str, Any] | None:
        found = states.list_executions(stateMachineArn=machine)["executions"]
        if not found or found[0]["status"] == "RUNNING":
            return None
        described: dict[str, Any] = states.describe_execution(executionArn=found[0]["executionArn"])
        return described

    return dict(eventually(look))


def test_a_rollout_without_staging_devices_ends_by_name(
    cloud: LocalCloud, outputs: dict[str, dict[str, str]]
) -> None:
    session, edge = cloud.root_session(), outputs[f"{NAME}-edge"]
    bucket = outputs[f"{NAME}-data"]["ArtifactsBucket"]
    arn = register(cloud, bucket)
    detail = {
        "model": "tags",
        "model_package_arn": arn,
        "release": f"s3://{bucket}/releases/tags/1/release.json",
        "promoted_at": "2026-11-21T17:20:30.481Z",
    }
    event = {"Source": NAME, "DetailType": "Model Promoted", "Detail": json.dumps(detail)}
    session.client("events").put_events(Entries=[event])
    execution = ended(session.client("stepfunctions"), edge["StateMachineArn"])
    assert (execution["status"], execution["error"]) == ("FAILED", "NoStagingDevices")

    s3 = session.client("s3")
    record = json.loads(s3.get_object(Bucket=bucket, Key="releases/tags/1/rollout.json")["Body"].read())
    assert (record["outcome"], record["component"]["version"]) == ("NoStagingDevices", "1.0.1")
    key = f"components/com.{NAME}.model.tags/1.0.1/model.zip"
    with zipfile.ZipFile(io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read())) as component:
        assert json.loads(component.read("model.json")) == {
            "model": "tags",
            "model_package_arn": arn,
            "dataset_manifest": f"s3://{bucket}/runs/tags/r/dataset/manifest.json",
            "dataset_sha256": "abc",
            "classes": ["scratch"],
        }
    group = session.client("iot").describe_thing_group(thingGroupName=edge["StagingThingGroup"])
    deployments = session.client("greengrassv2").list_deployments(targetArn=group["thingGroupArn"])
    assert deployments["deployments"] == []
