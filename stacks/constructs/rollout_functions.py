"""The functions of a rollout, each with exactly what it may do."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from config import Edgeline
from stacks.constructs.inspector_component import InspectorComponent, model_component_prefix, model_recipe
from stacks.constructs.python_function import PythonFunction
from stacks.grants import allow, allow_everywhere, read_objects

# The IoT actions that AWS documents as dependent on the Greengrass actions, by the resource that they know.
_READ_JOBS = ("iot:DescribeJob",)
_READ_THINGS = ("iot:DescribeThing", "iot:GetThingShadow")
_CHANGE_JOBS = ("iot:CancelJob", "iot:CreateJob", "iot:UpdateJob")
_CHANGE_THINGS = ("iot:DeleteThingShadow", "iot:UpdateThingShadow")
_LATER = "Greengrass makes a job for each deployment, and devices join later"


class RolloutFunctions(Construct):
    """What the rollout's state machine calls; `all` lists them for whoever grants the calling."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Edgeline,
        artifacts: s3.IBucket,
        key: kms.IKey,
        inspector: InspectorComponent,
        inspector_pipeline: str,
        group_arns: Sequence[str],
    ) -> None:
        super().__init__(scope, construct_id)
        self._config, self._group_arns = config, list(group_arns)
        bucket = {"ARTIFACTS_BUCKET": artifacts.bucket_name}
        minutes = {"TIMEOUT_MINUTES": str(config.fleet.health_timeout_minutes)}
        progress = {"IN_PROGRESS_MINUTES": str(config.fleet.health_timeout_minutes)}
        deploying = {
            "INSPECTOR_COMPONENT": inspector.component_name,
            "INSPECTOR_VERSION": inspector.version,
            **progress,
        }
        prefix = {"COMPONENT_PREFIX": model_component_prefix(config)}
        self.check_inspector = self._function(
            "check_inspector", {"INSPECTOR_ARN": inspector.arn, "INSPECTOR_PIPELINE": inspector_pipeline}
        )
        self.find_running_model = self._function("find_running_model", prefix)
        self.create_model_component = self._function(
            "create_model_component",
            {**bucket, **prefix, "MODEL_RECIPE": model_recipe(), "PROJECT": config.name},
            timeout_seconds=300,
            memory_mb=1024,
        )
        self.read_group = self._function("read_group", {})
        self.deploy_to_group = self._function("deploy_to_group", deploying)
        self.check_group = self._function("check_group", minutes, timeout_seconds=120)
        self.judge_health = self._function("judge_health", {**bucket, **minutes}, timeout_seconds=120)
        self.redeploy_previous = self._function("redeploy_previous", progress)
        self.record_rollout = self._function("record_rollout", bucket)
        self._grant_component(artifacts, key)
        allow(self.check_inspector, "greengrass:DescribeComponent", on=[inspector.arn])
        self._grant_groups()
        self._grant_objects(artifacts, key)

    @property
    def all(self) -> Sequence[lambda_.Function]:
        """Every function here."""
        return [child for child in self.node.children if isinstance(child, lambda_.Function)]

    def _grant_component(self, artifacts: s3.IBucket, key: kms.IKey) -> None:
        create = self.create_model_component
        name = f"{self._config.name}-{self._config.fleet.model}"
        package = cdk.Stack.of(self).format_arn(
            service="sagemaker", resource="model-package", resource_name=f"{name}/*"
        )
        for function in (create, self.deploy_to_group):
            allow(
                function,
                "sagemaker:DescribeModelPackage",
                on=[package],
                because="a package is a version number",
            )
        read_objects(create, artifacts, key, "runs/*/dataset/", "components/")
        models = artifacts.arn_for_objects("runs/*/model.tar.gz")
        allow(create, "s3:GetObject", on=[models], because="each run of the training leaves one model")
        components = artifacts.arn_for_objects("components/*")
        allow(create, "s3:PutObject", on=[components], because="components get their versions later")
        allow(create, "kms:GenerateDataKey", on=[key.key_arn])
        ours = self._greengrass("components", f"{model_component_prefix(self._config)}*")
        actions = ("CreateComponentVersion", "DescribeComponent", "TagResource")
        allow(
            create,
            *(f"greengrass:{action}" for action in actions),
            on=[ours],
            because="components get their versions later",
        )
        allow(
            self.find_running_model,
            "greengrass:DescribeComponent",
            on=[ours],
            because="which version runs is to be found out",
        )

    def _grant_groups(self) -> None:
        for function in (self.read_group, self.check_group, self.judge_health):
            allow(function, "iot:ListThingsInThingGroup", on=self._group_arns)
        for function in (self.read_group, self.redeploy_previous, self.find_running_model):
            allow_everywhere(function, "greengrass:ListDeployments")
            deployments = self._greengrass("deployments", "*")
            allow(function, "greengrass:GetDeployment", on=[deployments], because=_LATER)
        for function in (self.check_group, self.judge_health):
            devices = self._greengrass("coreDevices", "*")
            allow(function, "greengrass:ListEffectiveDeployments", on=[devices], because=_LATER)
            allow(function, "iot:DescribeJobExecution", on=[*self._jobs(), *self._things()], because=_LATER)
        for function in (self.deploy_to_group, self.redeploy_previous):
            allow_everywhere(function, "greengrass:CreateDeployment")
            allow(function, *_CHANGE_JOBS, on=[*self._jobs(), *self._group_arns], because=_LATER)
            allow(function, *_CHANGE_THINGS, on=self._things(), because=_LATER)
        for function in (
            self.read_group, self.find_running_model, self.check_group, self.judge_health,
            self.deploy_to_group, self.redeploy_previous,
        ):  # fmt: skip
            allow(function, *_READ_JOBS, on=self._jobs(), because=_LATER)
            allow(function, *_READ_THINGS, on=self._things(), because=_LATER)
            allow(function, "iot:DescribeThingGroup", on=self._group_arns)

    def _grant_objects(self, artifacts: s3.IBucket, key: kms.IKey) -> None:
        read_objects(self.judge_health, artifacts, key, "edge/*/health/")
        read_objects(self.record_rollout, artifacts, key, "releases/*/rollout")
        records = artifacts.arn_for_objects("releases/*/rollout*.json")
        allow(self.record_rollout, "s3:PutObject", on=[records], because="one record a rollout")
        allow(self.record_rollout, "kms:GenerateDataKey", on=[key.key_arn])

    def _function(
        self, name: str, environment: Mapping[str, str], timeout_seconds: int = 30, memory_mb: int = 256
    ) -> PythonFunction:
        return PythonFunction(
            self,
            "".join(word.capitalize() for word in name.split("_")),
            handler=f"lambdas.edge.{name}.handler",
            environment=environment,
            timeout_seconds=timeout_seconds,
            memory_mb=memory_mb,
        )

    def _greengrass(self, resource: str, name: str) -> str:
        return cdk.Stack.of(self).format_arn(
            service="greengrass",
            resource=resource,
            resource_name=name,
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )

    def _jobs(self) -> list[str]:
        return [cdk.Stack.of(self).format_arn(service="iot", resource="job", resource_name="*")]

    def _things(self) -> list[str]:
        return [cdk.Stack.of(self).format_arn(service="iot", resource="thing", resource_name="*")]
