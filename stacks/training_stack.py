"""The SageMaker pipelines: what builds them, the roles that they run in, and who may approve their models."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from config import Edgeline
from config_classification import ClassificationModel
from config_model import DetectionModel, Model
from stacks.constructs.auditor_policy import AuditorPolicy
from stacks.constructs.described_classifier import described_classifier
from stacks.constructs.label_queries import LabelQueries
from stacks.constructs.pipeline_build import VARIABLES, PipelineBuild
from stacks.constructs.pipeline_roles import (
    TUNING_JOBS,
    TUNING_STEP,
    JobRole,
    PipelineRole,
    model_package_group_arn,
    model_packages_arn,
    tuning_job_arns,
)
from stacks.constructs.teardown import Teardown
from stacks.constructs.training_starts import TrainingStarts
from stacks.constructs.workflow_pipeline import (
    WorkflowPipeline,
    WorkflowStore,
    content_of,
    model_pipeline_name,
)
from stacks.cost_tags import cost_tags
from stacks.grants import allow, allow_everywhere, pass_role, read_objects, write_objects


class TrainingStack(cdk.Stack):
    """From labels to a model package that waits for approval."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Edgeline,
        images: s3.IBucket,
        artifacts: s3.IBucket,
        key: kms.IKey,
        feature_group_name: str,
        workflows: s3.IBucket,
    ) -> None:
        super().__init__(scope, construct_id, stack_name=f"{config.name}-training")
        self._images, self._artifacts, self._key = images, artifacts, key
        self._tags = cost_tags(config.name, environment="tools", part="training")
        # A model's pipeline and its model package group have the same name.
        self._names = {model.name: f"{config.name}-{model.name}" for model in config.models}
        queries = LabelQueries(
            self,
            "Queries",
            name=f"{config.name}-labels",
            artifacts=artifacts,
            key=key,
            feature_group_name=feature_group_name,
        )
        self.job_role = JobRole(
            self,
            "JobRole",
            images=images,
            artifacts=artifacts,
            key=key,
            queries=queries,
            of_classifiers=bool(config.classifiers),
        )
        self.pipeline_role = PipelineRole(
            self,
            "PipelineRole",
            job_role=self.job_role,
            artifacts=artifacts,
            key=key,
            model_package_groups=list(self._names.values()),
            tunes=bool(config.classifiers),
        )
        described = {model.name: self._described(model) for model in config.models}
        places = {
            "IMAGES_BUCKET": images.bucket_name,
            "ARTIFACTS_BUCKET": artifacts.bucket_name,
            "KMS_KEY_ARN": key.key_arn,
            "FEATURE_GROUP": feature_group_name,
            "ATHENA_WORKGROUP": queries.workgroup,
            "JOB_ROLE_ARN": self.job_role.role_arn,
            "PIPELINE_ROLE_ARN": self.pipeline_role.role_arn,
        }
        build = PipelineBuild(self, "Build", key=key, models=described, environment=places)
        self._let_build(build.role)
        if config.detectors:
            self._let_build_detectors(build.role, [model.name for model in config.detectors])
        if config.classifiers:
            self._let_build_trees(build.role)
        made = Teardown.of_pipelines(
            self, names=list(self._names.values()), tuned=TUNING_STEP[:1] if config.classifiers else ()
        )
        made.node.add_dependency(self.pipeline_role, self.job_role)
        operator = self._operator_policy(tunes=bool(config.classifiers))
        for model in config.models:
            WorkflowPipeline(
                self,
                f"Workflow-{model.name}",
                name=model_pipeline_name(config, model),
                store=WorkflowStore(workflows, key),
                sources=build.sources,
                content=content_of(build.code_hash, described[model.name]),
                actions=[build.of_model(model.name)],
                variables=VARIABLES,
                schedule=model.schedule,
            ).grant_operate(operator)
        starts = TrainingStarts(self, "Starts", config=config, images=images, artifacts=artifacts, key=key)
        self.runs_starter = starts.api.starter
        self._output("JobRoleArn", self.job_role.role_arn)
        self._output("Workgroup", queries.workgroup)
        self._output("LabelReaderPolicyArn", queries.reader_policy().managed_policy_arn)
        for model in config.models:
            self._output(f"PipelineName{model.output_suffix}", self._names[model.name])
            self._output(f"Workflow{model.output_suffix}", model_pipeline_name(config, model))
        AuditorPolicy.of_training(self, pipelines=list(self._names.values()))
        self._output("ApproverPolicyArn", self._approver_policy().managed_policy_arn)
        self._output("OperatorPolicyArn", operator.managed_policy_arn)

    def _described(self, model: Model) -> dict[str, object]:
        """What the pipeline of a model has to know; the names are given so that only the stacks make them."""
        return {
            "pipeline_name": self._names[model.name],
            "model_package_group": self._names[model.name],
            "task": model.task,
            "classes": model.classes,
            "train_instance": model.train_instance,
            "job_instance": model.job_instance,
            "inference_instances": sorted({model.staging.instance_type, model.prod.instance_type}),
            "tags": self._tags,
            model.task: self._of_task(model),
        }

    def _of_task(self, model: Model) -> dict[str, object]:
        """What only the pipeline of a model's task has to know."""
        if isinstance(model, DetectionModel):
            return {
                "map50_threshold": model.map50_threshold,
                "group_rule": model.group_rule or "",
                "train_steps": model.train_steps,
            }
        if isinstance(model, ClassificationModel):
            return described_classifier(model)
        raise TypeError(f"{model.name}: no pipeline for a {type(model).__name__}")

    def _let_build(self, role: iam.Role) -> None:
        """What `pipeline_defs/upsert.py` calls: put the sources, upsert the pipelines, start them."""
        write_objects(role, self._artifacts, self._key, "code/")
        read_objects(role, self._artifacts, self._key, "code/")
        pipelines = [
            self.format_arn(service="sagemaker", resource="pipeline", resource_name=name)
            for name in self._names.values()
        ]
        allow(
            role,
            "sagemaker:AddTags",
            "sagemaker:CreatePipeline",
            "sagemaker:DescribePipeline",
            "sagemaker:ListPipelineExecutions",
            "sagemaker:UpdatePipeline",
            "sagemaker:StartPipelineExecution",
            on=pipelines,
        )
        pass_role(role, self.pipeline_role, "sagemaker.amazonaws.com")

    def _let_build_detectors(self, role: iam.Role, names: Sequence[str]) -> None:
        """What it calls for detectors: are there labels to train on."""
        under = {"StringLike": {"s3:prefix": [f"labels/{name}/*" for name in names]}}
        allow(role, "s3:ListBucket", on=[self._artifacts.bucket_arn], conditions=under)

    def _let_build_trees(self, role: iam.Role) -> None:
        """What it calls for classifiers: are there pictures, and which children a parent's evaluation has."""
        under = {"StringLike": {"s3:prefix": ["images/*"]}}
        allow(role, "s3:ListBucket", on=[self._images.bucket_arn], conditions=under)
        write_objects(role, self._artifacts, self._key, "runs/*/children/")
        allow_everywhere(role, "sagemaker:ListModelPackages")
        allow(
            role,
            "sagemaker:DescribeModelPackage",
            on=[model_packages_arn(self, group) for group in self._names.values()],
            because="the versions of a group",
        )

    def _approver_policy(self) -> iam.ManagedPolicy:
        policy = iam.ManagedPolicy(
            self, "ApproverPolicy", description="Reads model packages and their evaluation, and approves them"
        )
        groups = self._names.values()
        allow(
            policy,
            "sagemaker:DescribeModelPackageGroup",
            on=[model_package_group_arn(self, group) for group in groups],
        )
        allow(
            policy,
            "sagemaker:DescribeModelPackage",
            "sagemaker:UpdateModelPackage",
            on=[model_packages_arn(self, group) for group in groups],
            because="the versions of a group",
        )
        allow_everywhere(policy, "sagemaker:ListModelPackages")
        # What there is to read before deciding: the evaluation, and the page beside the releases.
        read_objects(policy, self._artifacts, self._key, "runs/", "releases/")
        return policy

    def _operator_policy(self, *, tunes: bool) -> iam.ManagedPolicy:
        policy = iam.ManagedPolicy(
            self, "OperatorPolicy", description="Starts the training, follows it and stops it"
        )
        executions = [
            self.format_arn(service="sagemaker", resource="pipeline", resource_name=f"{name}/execution/*")
            for name in self._names.values()
        ]
        allow(
            policy,
            "sagemaker:DescribePipelineExecution",
            "sagemaker:ListPipelineExecutionSteps",
            "sagemaker:StopPipelineExecution",
            on=executions,
            because="an execution is named when it starts",
        )
        if tunes:
            allow(
                policy,
                "sagemaker:DescribeHyperParameterTuningJob",
                "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
                on=tuning_job_arns(self),
                because=TUNING_JOBS,
            )
        return policy

    def _output(self, key: str, value: str) -> None:
        cdk.CfnOutput(self, key, value=value)
