"""The functions of a promotion, each with exactly what it may do."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from config import Edgeline
from config_classification import ClassificationModel
from config_model import Model
from config_trees import Tree
from stacks.accounts import ToolsAccount, environments
from stacks.constructs.endpoint_settings import endpoint_settings
from stacks.constructs.python_function import PythonFunction
from stacks.cost_tags import cost_tags
from stacks.grants import allow, read_objects

# Packed with the functions: of many models it is more than an environment takes.
MODELS_FILE = "models.json"
_ENDPOINT_MINUTES = 45
# What a package was registered with.
_REGISTERED = (
    "runs/*/dataset/manifest.json",
    "runs/*/evaluation/",
    "runs/*/model.tar.gz",
    "runs/*/test/labels.json",
)
_OF_CLASSIFIERS = ("runs/*/dataset/images.jsonl", "runs/*/test/*.rec", "runs/*/test/label_map.json")
# What a release's record names by hash.
_RECORDED = (
    *_REGISTERED,
    "releases/*/staging/",
    "releases/*/comparison/",
    "releases/*/approval",
    "releases/*/release",
)


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
    ) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        models, workloads = {"MODELS": MODELS_FILE}, {"WORKLOADS": _workloads(config)}
        bucket = {"ARTIFACTS_BUCKET": artifacts.bucket_name}
        waiting = {**models, **workloads, "TIMEOUT_MINUTES": str(_ENDPOINT_MINUTES)}
        self.read_model_package = self._function("read_model_package", {**models, **bucket})
        # A model is hashed whole.
        self.check_artifacts = self._function("check_artifacts", {}, timeout_seconds=300, memory_mb=512)
        self.read_endpoint = self._function("read_endpoint", {**models, **workloads})
        self.deploy_endpoint = self._function("deploy_endpoint", {**models, **workloads})
        self.check_endpoint = self._function("check_endpoint", waiting)
        self.restore_endpoint = self._function("restore_endpoint", waiting)
        self.judge_staging = self._function("judge_staging", models)
        self.smoke_endpoint = self._function("smoke_endpoint", {**models, **workloads}, timeout_seconds=120)
        # It hashes what it names; a model is read whole.
        self.record_release = self._function(
            "record_release", {**bucket, **workloads}, timeout_seconds=300, memory_mb=512
        )
        self.read_tree = (
            self._function("read_tree", {**models, **workloads}, timeout_seconds=60) if config.trees else None
        )
        self._grant_registry()
        self._grant_environments()
        self._grant_objects(artifacts, key)

    @property
    def all(self) -> Sequence[lambda_.Function]:
        """Every function here."""
        return [child for child in self.node.children if isinstance(child, lambda_.Function)]

    def grant_describe_packages(self, function: lambda_.Function) -> None:
        """Let a function describe the packages of the configured models."""
        tools = ToolsAccount(self._config)
        packages = [tools.model_packages(model) for model in self._config.models]
        allow(
            function, "sagemaker:DescribeModelPackage", on=packages, because="a package is a version number"
        )

    def _grant_registry(self) -> None:
        self.grant_describe_packages(self.read_model_package)
        self.grant_describe_packages(self.deploy_endpoint)

    def _grant_environments(self) -> None:
        """Each function may become the promoters that trust it, and is nothing to any endpoint itself."""
        by_module = {function.node.id: function for function in self.all}
        for workload in environments(self._config):
            promoter = workload.role_arn(workload.promoter_role_name)
            for module in workload.promoted_by:
                allow(by_module[_construct_id(module)], "sts:AssumeRole", on=[promoter])

    def _grant_objects(self, artifacts: s3.IBucket, key: kms.IKey) -> None:
        of_classifiers = _OF_CLASSIFIERS if self._config.classifiers else ()
        read_objects(self.check_artifacts, artifacts, key, *_REGISTERED, *of_classifiers)
        read_objects(self.judge_staging, artifacts, key, "runs/*/evaluation/", "releases/*/staging/")
        read_objects(self.smoke_endpoint, artifacts, key, "runs/*/test/")
        read_objects(self.record_release, artifacts, key, *_RECORDED)
        releases = [artifacts.arn_for_objects(f"releases/*/release*.{kind}") for kind in ("json", "html")]
        allow(self.record_release, "s3:PutObject", on=releases, because="one record a release, and its page")
        allow(self.record_release, "kms:GenerateDataKey", on=[key.key_arn])

    def _function(
        self,
        name: str,
        environment: Mapping[str, str],
        *,
        timeout_seconds: int = 30,
        memory_mb: int = 256,
    ) -> PythonFunction:
        # Only a role that an environment trusts has a name that another account knows.
        known = any(name in workload.promoted_by for workload in environments(self._config))
        return PythonFunction(
            self,
            _construct_id(name),
            handler=f"lambdas.promotion.{name}.handler",
            environment=environment,
            timeout_seconds=timeout_seconds,
            memory_mb=memory_mb,
            role_name=ToolsAccount(self._config).function_role_name(name) if known else None,
        )


def configured_models(config: Edgeline) -> dict[str, Any]:
    """What all functions of the promotion know of the models; lambdas/promotion/settings.py reads it."""
    return {model.name: _settings(config, model) for model in config.models}


def _compact(value: Mapping[str, Any]) -> str:
    """Write JSON without spaces: all variables of a function share 4096 bytes."""
    return json.dumps(value, separators=(",", ":"))


def _construct_id(module: str) -> str:
    return "".join(word.capitalize() for word in module.split("_"))


def _workloads(config: Edgeline) -> str:
    return _compact(
        {
            workload.environment: {
                "promoter_role_arn": workload.role_arn(workload.promoter_role_name),
                "model_role_arn": workload.role_arn(workload.model_role_name),
                "region": workload.region,
                "alarm_topic": workload.alarm_topic_arn,
                "tags": cost_tags(config.name, environment=workload.environment, part="serving"),
            }
            for workload in environments(config)
        }
    )


def _settings(config: Edgeline, model: Model) -> dict[str, Any]:
    return {
        "group": f"{config.name}-{model.name}",
        "task": model.task,
        "classes": _answers(model),
        "tree": _tree(config.tree_of(model)),
        "tolerance": model.tolerance,
        "test_instance": model.job_instance,
        "endpoints": {
            workload.environment: endpoint_settings(workload, model) for workload in environments(config)
        },
    }


def _answers(model: Model) -> list[str]:
    """What a model may answer: a classifier its labels, in their order."""
    return list(model.labels if isinstance(model, ClassificationModel) else model.classes)


def _tree(tree: Tree | None) -> dict[str, Any] | None:
    return {"parent": tree.name, "children": [child.name for child in tree.children]} if tree else None
