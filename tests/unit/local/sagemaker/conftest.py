from __future__ import annotations

import io
import json
import tarfile
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from local.cloud.server import LocalCloud
from local.sagemaker.plugin import SageMakerPlugin

_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


# A process has one cloud; making a client takes longer than most of these tests.
_clients: dict[str, Any] = {}


def until(ready: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Wait for a condition; the limit only bounds a test that hangs."""
    deadline = time.monotonic() + seconds
    while not (value := ready()):
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.05)
    return value


def tar_gz(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def allow(action: str | list[str], *resources: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": list(resources)}


def processing(script: str, role: str) -> dict[str, Any]:
    return {
        "RoleArn": role,
        "AppSpecification": {"ImageUri": "image", "ContainerEntrypoint": ["/bin/sh", "-c", script]},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}
        },
    }


def channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def training(source: str, role: str, output: str, **more: Any) -> dict[str, Any]:
    return {
        "RoleArn": role,
        "AlgorithmSpecification": {
            "TrainingImage": "image",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "map50", "Regex": "map50=([0-9.]+);"}],
        },
        "HyperParameters": {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": source,
            "steps": "3",
        },
        "OutputDataConfig": {"S3OutputPath": output},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **more,
    }


@dataclass
class Lab:
    """One test's bucket, roles and clients in the shared cloud."""

    cloud: LocalCloud
    plugin: SageMakerPlugin
    name: str

    allow = staticmethod(allow)
    until = staticmethod(until)
    tar_gz = staticmethod(tar_gz)
    channel = staticmethod(channel)
    processing = staticmethod(processing)
    training = staticmethod(training)

    def client(self, service: str) -> Any:
        if service not in _clients:
            _clients[service] = self.cloud.root_session().client(service)
        return _clients[service]

    @property
    def sm(self) -> Any:
        return self.client("sagemaker")

    def put(self, key: str, body: bytes) -> str:
        self.client("s3").put_object(Bucket=self.name, Key=key, Body=body)
        return f"s3://{self.name}/{key}"

    def keys(self, prefix: str = "") -> list[str]:
        found = self.client("s3").list_objects_v2(Bucket=self.name, Prefix=prefix)
        return [item["Key"] for item in found.get("Contents", [])]

    def read(self, key: str) -> bytes:
        body: bytes = self.client("s3").get_object(Bucket=self.name, Key=key)["Body"].read()
        return body

    def role(self, *statements: dict[str, Any], suffix: str = "role") -> str:
        """Make a role that SageMaker may assume, for its log and this; else for all on this test's bucket."""
        iam, name = self.client("iam"), f"{self.name}-{suffix}"
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
        own = [f"arn:aws:s3:::{self.name}", f"arn:aws:s3:::{self.name}/*"]
        logs = allow("logs:*", "arn:aws:logs:*:*:log-group:/aws/sagemaker/*")
        allowed = [*(statements or [allow("s3:*", *own)]), logs]
        policy = {"Version": "2012-10-17", "Statement": allowed}
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        return arn

    def process(self, script: str, role: str, **more: Any) -> dict[str, Any]:
        """Run a shell script as a processing job to its end and describe it."""
        name = self.start(script, role, **more)
        return self.ended(name)

    def start(self, script: str, role: str, **more: Any) -> str:
        name = f"job-{uuid.uuid4().hex[:12]}"
        self.sm.create_processing_job(ProcessingJobName=name, **{**processing(script, role), **more})
        return name

    def ended(self, name: str) -> dict[str, Any]:
        def look() -> Any:
            described = self.sm.describe_processing_job(ProcessingJobName=name)
            return (
                described if described["ProcessingJobStatus"] in ("Completed", "Failed", "Stopped") else None
            )

        described: dict[str, Any] = until(look)
        return described

    def model(self, inference: str, role: str, requirements: str = "") -> str:
        """Make a model of an inference.py and name it."""
        name = f"model-{uuid.uuid4().hex[:8]}"
        archive = tar_gz({"code/inference.py": inference, "code/requirements.txt": requirements})
        url = self.put(f"{name}/model.tar.gz", archive)
        container = {
            "Image": "image",
            "ModelDataUrl": url,
            "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
        }
        self.sm.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
        return name

    def config(self, model: str, **variant: Any) -> str:
        name = f"config-{uuid.uuid4().hex[:8]}"
        serverless = {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 2}}
        settings = {"VariantName": "all", "ModelName": model, **(variant or serverless)}
        self.sm.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[settings])
        return name

    def endpoint(self, config: str) -> tuple[str, dict[str, Any]]:
        name = f"endpoint-{uuid.uuid4().hex[:8]}"
        self.sm.create_endpoint(EndpointName=name, EndpointConfigName=config)
        return name, self.settled(name)

    def settled(self, name: str) -> dict[str, Any]:
        def look() -> Any:
            described = self.sm.describe_endpoint(EndpointName=name)
            return described if described["EndpointStatus"] in ("InService", "Failed") else None

        described: dict[str, Any] = until(look)
        return described


@pytest.fixture
def lab(cloud: LocalCloud) -> Lab:
    plugin = next(plugin for plugin in cloud.plugins if isinstance(plugin, SageMakerPlugin))
    name = f"lab-{uuid.uuid4().hex[:10]}"
    cloud.root_session().client("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": cloud.region}
    )
    return Lab(cloud, plugin, name)


@pytest.fixture
def events(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was emitted since the test began."""
    seen: list[dict[str, Any]] = []
    emit = cloud.emit

    def note(source: str, detail_type: str, detail: Any, resources: Any = ()) -> None:
        seen.append({"source": source, "detail-type": detail_type, "detail": detail, "resources": resources})
        emit(source, detail_type, detail, resources)

    monkeypatch.setattr(cloud, "emit", note)
    return seen


@pytest.fixture
def definition() -> dict[str, Any]:
    """Prepare, train, check the metric, register or fail; every role, bucket and source is a parameter."""
    bucket, role = {"Get": "Parameters.Bucket"}, {"Get": "Parameters.Role"}
    report = {"Std:Join": {"On": "/", "Values": ["s3:/", bucket, {"Get": "Execution.PipelineExecutionId"}]}}
    output = {"LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob", "S3Uri": report}
    prepared = processing('echo "$REPORT" > /opt/ml/processing/output/report.json', "")
    prepare = {
        **prepared,
        "RoleArn": role,
        "Environment": {"REPORT": {"Get": "Parameters.Report"}},
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "report", "S3Output": output}]},
    }
    outputs = "Steps.Prepare.ProcessingOutputConfig.Outputs['report'].S3Output.S3Uri"
    train = training("", "", "")
    del train["HyperParameters"]
    train = {
        **train,
        "RoleArn": role,
        "HyperParameters": {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": {"Get": "Parameters.Source"},
        },
        "OutputDataConfig": {"S3OutputPath": {"Std:Join": {"On": "", "Values": ["s3://", bucket, "/runs"]}}},
        "InputDataConfig": [channel("train", "x")],
    }
    train["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = {"Get": outputs}
    metric = {"PropertyFile": {"Get": "Steps.Prepare.PropertyFiles.Report"}, "Path": "map50"}
    threshold = {"Get": "Parameters.Threshold"}
    register = {
        "ModelPackageGroupName": {"Get": "Parameters.Group"},
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [
                {"Image": "image", "ModelDataUrl": {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}}
            ],
            "SupportedContentTypes": ["image/jpeg"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        "CustomerMetadataProperties": {
            "map50": {
                "Std:Join": {"On": "", "Values": [{"Get": "Steps.Train.FinalMetricDataList['map50'].Value"}]}
            }
        },
    }
    too_low = {"Std:Join": {"On": " ", "Values": ["map50 is below", threshold]}}
    check = {
        "Conditions": [
            {"Type": "GreaterThanOrEqualTo", "LeftValue": {"Std:JsonGet": metric}, "RightValue": threshold}
        ],
        "IfSteps": [{"Name": "Register", "Type": "RegisterModel", "Arguments": register}],
        "ElseSteps": [{"Name": "TooLow", "Type": "Fail", "Arguments": {"ErrorMessage": too_low}}],
    }
    property_file = {"PropertyFileName": "Report", "OutputName": "report", "FilePath": "report.json"}
    return {
        "Version": "2020-12-01",
        "Parameters": [
            *({"Name": name, "Type": "String"} for name in ("Bucket", "Role", "Source", "Group", "Report")),
            {"Name": "Threshold", "Type": "Float", "DefaultValue": 0.6},
        ],
        "Steps": [
            {"Name": "Prepare", "Type": "Processing", "Arguments": prepare, "PropertyFiles": [property_file]},
            {"Name": "Train", "Type": "Training", "Arguments": train},
            {"Name": "CheckMap50", "Type": "Condition", "Arguments": check, "DependsOn": ["Train"]},
        ],
    }
