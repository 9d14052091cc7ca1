"""The ways to start a training beside pushes and schedules: the runs API, and new data by itself."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from config import Edgeline
from config_classification import ClassificationModel
from config_model import Model
from stacks.constructs.new_data_watch import NewDataWatch
from stacks.constructs.python_function import pack_with_functions
from stacks.constructs.runs_api import RunsApi
from stacks.constructs.workflow_pipeline import model_pipeline_name

# Packed with the functions: of many models it is more than an environment takes.
_MODELS_FILE = "models.json"


class TrainingStarts(Construct):
    """Each is a start of the model's CodePipeline, as every other: docs/adr/0039 says why.

    Outputs of the stack are `RunsApiUrl`, and `RunStarterPolicyArn` for who may call it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Edgeline,
        images: s3.IBucket,
        artifacts: s3.IBucket,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        pack_with_functions(self, "training", {_MODELS_FILE: configured_starts(config)})
        self._config = config
        table = self._table(key)
        counted = [model for model in config.models if model.train_at_images]
        self.api = RunsApi(
            self,
            "Runs",
            models=_MODELS_FILE,
            workflows=[self._workflow(model) for model in config.models],
            pipelines=[self._pipeline(model) for model in config.models],
            table=table,
            artifacts=artifacts,
            key=key,
        )
        if counted:
            NewDataWatch(
                self,
                "NewData",
                counted=counted,
                models=_MODELS_FILE,
                workflows=[self._workflow(model) for model in counted],
                pipelines=[self._pipeline(model) for model in counted],
                table=table,
                images=images,
                artifacts=artifacts,
                key=key,
            )
        stack = cdk.Stack.of(self)
        cdk.CfnOutput(stack, "RunsApiUrl", value=self.api.api.url)
        cdk.CfnOutput(stack, "RunStarterPolicyArn", value=self.api.starter.managed_policy_arn)

    def _table(self, key: kms.IKey) -> dynamodb.Table:
        """Keys of requests, and what is new: without it a key may start twice, and counting begins anew."""
        return dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute="expires",
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )

    def _workflow(self, model: Model) -> str:
        name = model_pipeline_name(self._config, model)
        return cdk.Stack.of(self).format_arn(service="codepipeline", resource=name)

    def _pipeline(self, model: Model) -> str:
        name = f"{self._config.name}-{model.name}"
        return cdk.Stack.of(self).format_arn(service="sagemaker", resource="pipeline", resource_name=name)


def configured_starts(config: Edgeline) -> dict[str, Any]:
    """What the functions know of the models; lambdas/training/workflows.py reads it."""
    return {model.name: _described(config, model) for model in config.models}


def _described(config: Edgeline, model: Model) -> dict[str, Any]:
    described = {
        "task": model.task,
        "name": model_pipeline_name(config, model),
        "pipeline": f"{config.name}-{model.name}",
        "train_at_images": model.train_at_images,
    }
    if not isinstance(model, ClassificationModel):
        return described
    counted = {}
    if model.train_at_images:
        classes = sorted(name for of_label in model.labels.values() for name in of_label)
        counted = {"prefix": model.data, "classes": classes}
    return {**described, "children": model.children, **counted}
