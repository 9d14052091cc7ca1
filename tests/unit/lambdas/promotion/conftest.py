"""A SageMaker that keeps models, configs and endpoints in memory and words its errors as AWS does."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.session import Session
from botocore.validate import ParamValidator

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


@cache
def input_shapes(service: str) -> dict[str, Any]:
    model = Session().get_service_model(service)
    names = {xform_name(name): name for name in model.operation_names}
    return {method: model.operation_model(name).input_shape for method, name in names.items()}


class Checked:
    """A fake whose calls are checked against the service's own model first, as AWS would by shape."""

    def __init__(self, service: str, fake: Any) -> None:
        self._shapes = input_shapes(service)
        self._fake = fake

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._fake, name)
        if name not in self._shapes:
            return found

        def call(**arguments: Any) -> Any:
            report = ParamValidator().validate(arguments, self._shapes[name])
            assert not report.has_errors(), report.generate_report()
            return found(**arguments)

        return call


class FakeSageMaker:
    """Endpoints change at once to `Creating`, `Updating` or `Deleting`; `settle` lets the change end."""

    def __init__(self) -> None:
        self.packages: dict[str, dict[str, Any]] = {}
        self.models: dict[str, dict[str, Any]] = {}
        self.configs: dict[str, dict[str, Any]] = {}
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.components: dict[str, dict[str, Any]] = {}
        self.how: dict[str, Any] = {}
        self.changes: list[tuple[str, str]] = []

    def add(self, described: dict[str, Any]) -> dict[str, Any]:
        self.packages[described["ModelPackageArn"]] = described
        return described

    def settle(self, endpoint: str, status: str = "InService", **changes: str) -> None:
        """End what is under way: with what was on its way, unless `changes` say with what."""
        found = self.endpoints[endpoint]
        if found["EndpointStatus"] == "Deleting":
            del self.endpoints[endpoint]
            return
        pending = found.pop("PendingDeploymentSummary", {}).get("EndpointConfigName")
        if pending:
            found["EndpointConfigName"] = pending
        found.update(EndpointStatus=status, **changes)

    def describe_model_package(self, *, ModelPackageName: str) -> dict[str, Any]:  # noqa: N803
        return self.packages[ModelPackageName]

    def create_model(self, **model: Any) -> None:
        if model["ModelName"] in self.models:
            raise invalid("CreateModel", f'Cannot create already existing model "{model["ModelName"]}".')
        self.models[model["ModelName"]] = model

    def describe_model(self, *, ModelName: str) -> dict[str, Any]:  # noqa: N803
        return {**self.models[ModelName], "ModelArn": f"arn:model/{ModelName}"}

    def list_tags(self, *, ResourceArn: str) -> dict[str, Any]:  # noqa: N803
        return {"Tags": self.models[ResourceArn.removeprefix("arn:model/")]["Tags"]}

    def create_endpoint_config(self, **config: Any) -> None:
        name = config["EndpointConfigName"]
        if name in self.configs:
            raise invalid(
                "CreateEndpointConfig", f'Cannot create already existing endpoint configuration "{name}".'
            )
        self.configs[name] = config

    def describe_endpoint_config(self, *, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N803
        variant = {"ModelName": f"model of {EndpointConfigName}", "ServerlessConfig": {}}
        return self.configs.get(EndpointConfigName, {"ProductionVariants": [variant]})

    def describe_endpoint(self, *, EndpointName: str) -> dict[str, Any]:  # noqa: N803
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

    def update_endpoint(self, *, EndpointName: str, EndpointConfigName: str, **how: Any) -> None:  # noqa: N803
        self.changes.append(("update", EndpointConfigName))
        self.how = how
        self.endpoints[EndpointName].update(
            EndpointStatus="Updating", PendingDeploymentSummary={"EndpointConfigName": EndpointConfigName}
        )

    def create_inference_component(self, **component: Any) -> None:
        self.changes.append(("create component", component["Specification"]["ModelName"]))
        self._component(component, "Creating")

    def update_inference_component(self, **component: Any) -> None:
        self.changes.append(("update component", component["Specification"]["ModelName"]))
        self.how = component
        self._component(component, "Updating")

    def _component(self, component: dict[str, Any], status: str) -> None:
        copies = component["RuntimeConfig"]["CopyCount"]
        self.components[component["InferenceComponentName"]] = {
            "InferenceComponentStatus": status,
            "Specification": {"ModelName": component["Specification"]["ModelName"]},
            "RuntimeConfig": {"DesiredCopyCount": copies, "CurrentCopyCount": copies},
        }

    def describe_inference_component(self, *, InferenceComponentName: str) -> dict[str, Any]:  # noqa: N803
        if InferenceComponentName not in self.components:
            message = f'Could not find inference component "{InferenceComponentName}".'
            raise invalid("DescribeInferenceComponent", message)
        return self.components[InferenceComponentName]

    def delete_inference_component(self, *, InferenceComponentName: str) -> None:  # noqa: N803
        self.changes.append(("delete component", InferenceComponentName))
        del self.components[InferenceComponentName]

    def delete_endpoint(self, *, EndpointName: str) -> None:  # noqa: N803
        self.changes.append(("delete", EndpointName))
        self.endpoints[EndpointName]["EndpointStatus"] = "Deleting"


class FakeCloudWatch:
    """Keeps alarms; those in `on` ring."""

    def __init__(self) -> None:
        self.alarms: dict[str, dict[str, Any]] = {}
        self.on: dict[str, str] = {}

    def put_metric_alarm(self, **alarm: Any) -> None:
        self.alarms[alarm["AlarmName"]] = alarm

    def delete_alarms(self, *, AlarmNames: list[str]) -> None:  # noqa: N803
        for name in AlarmNames:
            if name not in self.alarms:
                raise ClientError({"Error": {"Code": "ResourceNotFound", "Message": name}}, "DeleteAlarms")
            del self.alarms[name]

    def set_alarm_state(self, *, AlarmName: str, StateValue: str, StateReason: str) -> None:  # noqa: N803
        assert (StateValue, bool(StateReason)) == ("OK", True)
        del self.on[AlarmName]

    def describe_alarms(self, *, AlarmNames: list[str], StateValue: str) -> dict[str, Any]:  # noqa: N803
        assert StateValue == "ALARM"
        since = datetime(2026, 11, 21, 17, 5, tzinfo=UTC)
        found = [
            {"AlarmName": name, "StateUpdatedTimestamp": since, "StateReason": self.on[name]}
            for name in AlarmNames
            if name in self.on
        ]
        return {"MetricAlarms": found}


class FakeScaling:
    """Keeps scalable targets by resource, and policies by name."""

    def __init__(self) -> None:
        self.targets: dict[str, dict[str, Any]] = {}
        self.policies: dict[str, dict[str, Any]] = {}

    def register_scalable_target(self, **target: Any) -> None:
        self.targets[target["ResourceId"]] = target

    def put_scaling_policy(self, **policy: Any) -> dict[str, str]:
        self.policies[policy["PolicyName"]] = policy
        return {"PolicyARN": f"arn:policy/{policy['PolicyName']}"}

    def deregister_scalable_target(self, *, ResourceId: str, **_: str) -> None:  # noqa: N803
        if ResourceId not in self.targets:
            error = {"Code": "ObjectNotFoundException", "Message": "No scalable target found"}
            raise ClientError({"Error": error}, "DeregisterScalableTarget")
        del self.targets[ResourceId]
        self.policies.clear()


@pytest.fixture
def cloudwatch() -> FakeCloudWatch:
    return FakeCloudWatch()


@pytest.fixture
def scaling() -> FakeScaling:
    return FakeScaling()


@pytest.fixture
def there(sagemaker: Any, cloudwatch: Any, scaling: Any) -> Any:
    """A session in an environment, whose calls are checked by their shape."""
    fakes = {"sagemaker": sagemaker, "cloudwatch": cloudwatch, "application-autoscaling": scaling}

    class There:
        def client(self, service: str) -> Any:
            return Checked(service, fakes[service])

    return There()


@pytest.fixture
def sagemaker() -> FakeSageMaker:
    return FakeSageMaker()


@pytest.fixture
def describe_package() -> Any:
    return package


class FakeTurns:
    """The table of turns: whose turn it is, and who was put in line."""

    def __init__(self) -> None:
        self.holder = "arn:me"
        self.joined: list[dict[str, Any]] = []

    def Table(self, name: str) -> "FakeTurns":  # noqa: N802 - as boto3 names it
        assert name == "turns"
        return self

    def put_item(self, *, Item: dict[str, Any]) -> None:  # noqa: N803
        self.joined.append(Item)

    def get_item(self, *, Key: dict[str, str], ConsistentRead: bool) -> dict[str, Any]:  # noqa: N803
        assert ConsistentRead
        return {"Item": {**Key, "holder": self.holder, "lease_end": 2**40}}


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> FakeTurns:
    table = FakeTurns()
    monkeypatch.setattr(boto3, "resource", lambda service: {"dynamodb": table}[service])
    monkeypatch.setenv("TURNS_TABLE", "turns")
    return table
