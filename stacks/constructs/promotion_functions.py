"""The functions of a promotion, each with exactly what it may do."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from config import Edgeline, Endpoint, Model
from stacks.constructs.python_function import PythonFunction
from stacks.grants import allow, pass_role, read_objects

_CHANGES = "models and endpoint configs are named after the release"
_ENDPOINT_MINUTES = 45


def endpoint_name(config: Edgeline, model: Model, environment: str) -> str:
    """The endpoint of a model in `staging` or `prod`."""
    return f"{config.name}-{model.name}-{environment}"


class PromotionFunctions(Construct):
    """What the promotion's state machine calls; `all` lists them for whoever grants the calling."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Edgeline,
        artifacts: s3.IBucket,
        key: kms.IKey,
        model_role: iam.IRole,
    ) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self.models = json.dumps({model.name: _settings(config, model) for model in config.models})
        models = {"MODELS": self.models}
        bucket = {"ARTIFACTS_BUCKET": artifacts.bucket_name}
        minutes = {"TIMEOUT_MINUTES": str(_ENDPOINT_MINUTES)}
        self.read_model_package = self._function("read_model_package", {**models, **bucket})
        self.read_endpoint = self._function("read_endpoint", models)
        deploy = {**models, "MODEL_ROLE_ARN": model_role.role_arn}
        self.deploy_endpoint = self._function("deploy_endpoint", deploy)
        self.check_endpoint = self._function("check_endpoint", minutes)
        self.restore_endpoint = self._function("restore_endpoint", minutes)
        self.judge_staging = self._function("judge_staging", models)
        self.smoke_endpoint = self._function("smoke_endpoint", models, timeout_seconds=120)
        self.record_release = self._function("record_release", bucket)
        self._grant_registry()
        self._grant_endpoints(model_role)
        self._grant_objects(artifacts, key)

    @property
    def all(self) -> Sequence[lambda_.Function]:
        """Every function here."""
        return [child for child in self.node.children if isinstance(child, lambda_.Function)]

    def grant_describe_packages(self, function: lambda_.Function) -> None:
        """Let a function describe the packages of the configured models."""
        packages = [
            self._arn("model-package", f"{self._config.name}-{model.name}/*") for model in self._config.models
        ]
        allow(
            function, "sagemaker:DescribeModelPackage", on=packages, because="a package is a version number"
        )

    def endpoints(self, *environments: str) -> list[str]:
        """The ARNs of these environments' endpoints."""
        return [
            self._arn("endpoint", endpoint_name(self._config, model, environment))
            for model in self._config.models
            for environment in environments
        ]

    def _grant_registry(self) -> None:
        self.grant_describe_packages(self.read_model_package)
        self.grant_describe_packages(self.deploy_endpoint)

    def _grant_endpoints(self, model_role: iam.IRole) -> None:
        both = self.endpoints("staging", "prod")
        configs = [self._arn("endpoint-config", f"{prefix}-*") for prefix in self._prefixes()]
        models = [self._arn("model", f"{prefix}-*") for prefix in self._prefixes()]
        for function in (
            self.read_endpoint,
            self.check_endpoint,
            self.deploy_endpoint,
            self.restore_endpoint,
        ):
            allow(function, "sagemaker:DescribeEndpoint", on=both)
        for function in (self.deploy_endpoint, self.restore_endpoint):
            allow(function, "sagemaker:DeleteEndpoint", on=both)
            changes = ("sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint")
            allow(function, *changes, on=[*both, *configs], because=_CHANGES)
        create = self.deploy_endpoint
        allow(create, "sagemaker:CreateModel", "sagemaker:DescribeModel", on=models, because=_CHANGES)
        allow(create, "sagemaker:CreateEndpointConfig", on=configs, because=_CHANGES)
        allow(create, "sagemaker:AddTags", on=[*models, *configs], because=_CHANGES)
        pass_role(create, model_role, "sagemaker.amazonaws.com")
        allow(self.smoke_endpoint, "sagemaker:InvokeEndpoint", on=self.endpoints("prod"))

    def _grant_objects(self, artifacts: s3.IBucket, key: kms.IKey) -> None:
        read_objects(self.judge_staging, artifacts, key, "runs/*/evaluation/", "releases/*/staging/")
        read_objects(self.smoke_endpoint, artifacts, key, "runs/*/test/")
        read_objects(self.record_release, artifacts, key, "runs/*/dataset/", "releases/*/release")
        releases = artifacts.arn_for_objects("releases/*/release*.json")
        allow(self.record_release, "s3:PutObject", on=[releases], because="one record a release")
        allow(self.record_release, "kms:GenerateDataKey", on=[key.key_arn])

    def _function(
        self, name: str, environment: Mapping[str, str], timeout_seconds: int = 30
    ) -> PythonFunction:
        return PythonFunction(
            self,
            "".join(word.capitalize() for word in name.split("_")),
            handler=f"lambdas.promotion.{name}.handler",
            environment=environment,
            timeout_seconds=timeout_seconds,
        )

    def _prefixes(self) -> list[str]:
        return [f"{self._config.name}-{model.name}" for model in self._config.models]

    def _arn(self, resource: str, name: str) -> str:
        return cdk.Stack.of(self).format_arn(service="sagemaker", resource=resource, resource_name=name)


def _settings(config: Edgeline, model: Model) -> dict[str, Any]:
    return {
        "group": f"{config.name}-{model.name}",
        "classes": model.classes,
        "tolerance": model.tolerance,
        "test_instance": model.job_instance,
        "endpoints": {
            environment: {"name": endpoint_name(config, model, environment), "variant": _variant(endpoint)}
            for environment, endpoint in (("staging", model.staging), ("prod", model.prod))
        },
    }


def _variant(endpoint: Endpoint) -> dict[str, Any]:
    if endpoint.kind == "serverless":
        serverless = {"MemorySizeInMB": endpoint.memory_mb, "MaxConcurrency": endpoint.max_concurrency}
        return {"ServerlessConfig": serverless}
    return {"InstanceType": endpoint.instance_type, "InitialInstanceCount": endpoint.instances}
