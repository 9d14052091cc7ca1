"""A SageMaker that keeps models, configs and endpoints in memory and words its errors as AWS does."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

GROUP = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/edgeline-tags"


def invalid(operation: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationException", "Message": message}}, operation)


def package(version: int, approval: str = "Approved") -> dict[str, Any]:
    run = f"s3://edgeline-artifacts/runs/tags/run{version}"
    return {
        "ModelPackageArn": f"{GROUP}/{version}",
        "ModelPackageGroupName": "edgeline-tags",
        "ModelPackageVersion": version,
        "ModelPackageStatus": "Completed",
        "ModelApprovalStatus": approval,
        "CreationTime": datetime(2026, 11, 21, 16, 30, version, tzinfo=UTC),
        "LastModifiedTime": datetime(2026, 11, 21, 17, 0, 14, 123456, tzinfo=UTC),
        "LastModifiedBy": {"IamIdentity": {"Arn": "arn:aws:iam::123456789012:user/approver"}},
        "InferenceSpecification": {
            "Containers": [{"Image": "image:1", "ModelDataUrl": f"{run}/model/train/output/model.tar.gz"}]
        },
        "CustomerMetadataProperties": {
            "dataset_manifest": f"{run}/dataset/manifest.json",
            "evaluation": f"{run}/evaluation/evaluation.json",
            "test_set": f"{run}/test",
            "dataset": f"{run}/dataset",
            "code": "s3://edgeline-artifacts/code/abc",
            "git_commit": "0123abc",
            "model": "tags",
        },
    }


class FakeSageMaker:
    """Endpoints change at once to `Creating`, `Updating` or `Deleting`; `settle` lets the change end."""

    def __init__(self) -> None:
        self.packages: dict[str, dict[str, Any]] = {}
        self.models: dict[str, dict[str, Any]] = {}
        self.configs: dict[str, dict[str, Any]] = {}
        self.endpoints: dict[str, dict[str, str]] = {}
        self.changes: list[tuple[str, str]] = []

    def add(self, described: dict[str, Any]) -> dict[str, Any]:
        self.packages[described["ModelPackageArn"]] = described
        return described

    def settle(self, endpoint: str, status: str = "InService", **changes: str) -> None:
        if self.endpoints[endpoint]["EndpointStatus"] == "Deleting":
            del self.endpoints[endpoint]
        else:
            self.endpoints[endpoint].update(EndpointStatus=status, **changes)

    def describe_model_package(self, *, ModelPackageName: str) -> dict[str, Any]:  # noqa: N803
        return self.packages[ModelPackageName]

    def create_model(self, **model: Any) -> None:
        if model["ModelName"] in self.models:
            raise invalid("CreateModel", f'Cannot create already existing model "{model["ModelName"]}".')
        self.models[model["ModelName"]] = model

    def describe_model(self, *, ModelName: str) -> dict[str, Any]:  # noqa: N803
        return self.models[ModelName]

    def create_endpoint_config(self, **config: Any) -> None:
        name = config["EndpointConfigName"]
        if name in self.configs:
            raise invalid(
                "CreateEndpointConfig", f'Cannot create already existing endpoint configuration "{name}".'
            )
        self.configs[name] = config

    def describe_endpoint(self, *, EndpointName: str) -> dict[str, str]:  # noqa: N803
        if EndpointName not in self.endpoints:
            raise invalid("DescribeEndpoint", f'Could not find endpoint "{EndpointName}".')
        return self.endpoints[EndpointName]

    def create_endpoint(self, *, EndpointName: str, EndpointConfigName: str, Tags: Any) -> None:  # noqa: N803
        self.endpoint_tags = Tags
        self.changes.append(("create", EndpointConfigName))
        self.endpoints[EndpointName] = {
            "EndpointStatus": "Creating",
            "EndpointConfigName": EndpointConfigName,
        }

    def update_endpoint(self, *, EndpointName: str, EndpointConfigName: str) -> None:  # noqa: N803
        self.changes.append(("update", EndpointConfigName))
        self.endpoints[EndpointName] = {
            "EndpointStatus": "Updating",
            "EndpointConfigName": EndpointConfigName,
        }

    def delete_endpoint(self, *, EndpointName: str) -> None:  # noqa: N803
        self.changes.append(("delete", EndpointName))
        self.endpoints[EndpointName]["EndpointStatus"] = "Deleting"


@pytest.fixture
def sagemaker() -> FakeSageMaker:
    return FakeSageMaker()


@pytest.fixture
def describe_package() -> Any:
    return package
