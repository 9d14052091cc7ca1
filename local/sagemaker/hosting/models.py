"""Models and endpoint configurations: what an endpoint is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.cloud.call import Call
from local.sagemaker.hosting.hosting_variant import check_hosting, is_hosting
from local.sagemaker.model import answer
from local.sagemaker.refuse import refuse, refuse_given, refuse_unless
from local.sagemaker.registry import Registry
from local.sagemaker.table import Record, Table, listing, now, worded
from local.sagemaker.tags import Tags

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud


class Models:
    """The models of the account, by name."""

    def __init__(self, cloud: LocalCloud, registry: Registry, tags: Tags) -> None:
        self._registry, self._tags = registry, tags
        arn = f"arn:aws:sagemaker:{cloud.region}:{cloud.account}:model"
        self._table = Table(
            worded(lambda name: f'Could not find model "{arn}/{name.lower()}".'),
            worded(lambda name: f'Cannot create already existing model "{arn}/{name.lower()}".'),
        )

    def create_model(self, call: Call, **request: Any) -> Record:
        """Serve CreateModel with one container: an image with model data, or a model package."""
        name = request["ModelName"]
        refuse_given("CreateModel", request, "InferenceExecutionConfig")
        containers = [c for c in [request.get("PrimaryContainer"), *request.get("Containers", [])] if c]
        if len(containers) != 1:
            raise refuse(f"CreateModel with {len(containers)} containers, only one")
        if not request.get("ExecutionRoleArn"):
            raise refuse("CreateModel without ExecutionRoleArn")
        self._check(call, containers[0])
        arn = call.arn("sagemaker", f"model/{name.lower()}")
        tags = request.pop("Tags", [])
        self._table.add(name, {**request, "ModelArn": arn, "CreationTime": now()})
        self._tags.keep(arn, tags)
        return {"ModelArn": arn}

    def _check(self, call: Call, container: Record) -> None:
        refuse_given(
            "CreateModel", container, "ModelDataSource", "AdditionalModelDataSources", "MultiModelConfig"
        )
        refuse_given("CreateModel", container, "InferenceSpecificationName")
        refuse_unless("CreateModel Mode", container.get("Mode"), "SingleModel")
        if not self.container(container).get("ModelDataUrl"):
            raise refuse("CreateModel without ModelDataUrl")

    def container(self, given: Record) -> Record:
        """Give the image, model data and environment of a container, those of its model package included."""
        if "ModelPackageName" not in given:
            return given
        package = self._registry.package(given["ModelPackageName"])
        packaged = package["InferenceSpecification"]["Containers"][0]
        environment = {**packaged.get("Environment", {}), **given.get("Environment", {})}
        return {**packaged, "Environment": environment}

    def get(self, name: str) -> Record:
        """Give a model: its only container under `Container`, resolved, and its execution role."""
        model = self._table.get(name)
        given = model.get("PrimaryContainer") or model["Containers"][0]
        return {**model, "Container": self.container(given)}

    def describe_model(self, call: Call, *, ModelName: str) -> Record:  # noqa: N803
        """Serve DescribeModel."""
        return answer("DescribeModel", self._table.get(ModelName))

    def delete_model(self, call: Call, *, ModelName: str) -> None:  # noqa: N803
        """Serve DeleteModel."""
        self._tags.forget(self._table.remove(ModelName)["ModelArn"])

    def list_models(self, call: Call, **params: Any) -> Record:
        """Serve ListModels."""
        fields = ("ModelName", "ModelArn", "CreationTime")
        return listing(self._table.records(), params, name="ModelName", member="Models", fields=fields)


class EndpointConfigs:
    """The endpoint configurations of the account, by name."""

    def __init__(self, cloud: LocalCloud, models: Models, tags: Tags) -> None:
        self._models, self._tags = models, tags
        arn = f"arn:aws:sagemaker:{cloud.region}:{cloud.account}:endpoint-config"
        self._table = Table(
            worded(lambda name: f'Could not find endpoint configuration "{arn}/{name.lower()}".'),
            worded(
                lambda name: f'Cannot create already existing endpoint configuration "{arn}/{name.lower()}".'
            ),
        )

    def create_endpoint_config(self, call: Call, **request: Any) -> Record:
        """Serve CreateEndpointConfig for serverless and real-time variants."""
        name = request["EndpointConfigName"]
        refuse_given("CreateEndpointConfig", request, "AsyncInferenceConfig", "ExplainerConfig")
        refuse_given("CreateEndpointConfig", request, "ShadowProductionVariants")
        if request.get("DataCaptureConfig", {}).get("EnableCapture"):
            raise refuse("CreateEndpointConfig with DataCaptureConfig")
        check_hosting(request)
        for variant in request["ProductionVariants"]:
            if not is_hosting(variant):
                self._models.get(variant["ModelName"])
        arn = call.arn("sagemaker", f"endpoint-config/{name.lower()}")
        tags = request.pop("Tags", [])
        self._table.add(name, {**request, "EndpointConfigArn": arn, "CreationTime": now()})
        self._tags.keep(arn, tags)
        return {"EndpointConfigArn": arn}

    def get(self, name: str) -> Record:
        """Give a configuration."""
        return self._table.get(name)

    def find(self, name: str) -> Record | None:
        """Give a configuration, None where it is gone: an endpoint lives on without it."""
        return self._table.get(name) if name in self._table else None

    def describe_endpoint_config(self, call: Call, *, EndpointConfigName: str) -> Record:  # noqa: N803
        """Serve DescribeEndpointConfig."""
        return answer("DescribeEndpointConfig", self._table.get(EndpointConfigName))

    def delete_endpoint_config(self, call: Call, *, EndpointConfigName: str) -> None:  # noqa: N803
        """Serve DeleteEndpointConfig."""
        self._tags.forget(self._table.remove(EndpointConfigName)["EndpointConfigArn"])

    def list_endpoint_configs(self, call: Call, **params: Any) -> Record:
        """Serve ListEndpointConfigs."""
        return listing(
            self._table.records(),
            params,
            name="EndpointConfigName",
            member="EndpointConfigs",
            fields=("EndpointConfigName", "EndpointConfigArn", "CreationTime"),
        )
