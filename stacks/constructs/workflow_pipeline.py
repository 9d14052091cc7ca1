"""The pipeline of a workflow: labeling, the training of one model, the inspector; docs/adr/0009 says why."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import aws_cdk as cdk
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from config import Edgeline
from config_model import Model
from stacks.constructs.workflow_actions import WorkflowAction
from stacks.grants import Grantee, allow

_SOURCES = "Sources"
# CodePipeline begins the keys of a pipeline's artifacts with that many characters of its name.
_KEPT_OF_A_NAME = 20


@dataclass(frozen=True)
class WorkflowStore:
    """Where CodePipeline keeps what goes from one action to the next."""

    bucket: s3.IBucket
    key: kms.IKey


class WorkflowPipeline(Construct):
    """Runs what was deployed with it: its source is `sources`, the part's own asset, and nothing starts it.

    It is started by the delivery after a deployment that has changed it, by its schedule, and by hand.
    `content` stands for all that the workflow consists of: another content is another version of the
    pipeline. `variables` come with the values that hold where a start gives none; CodePipeline knows no empty
    ones. The actions run in parallel.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        store: WorkflowStore,
        sources: s3_assets.Asset,
        content: str,
        actions: Sequence[WorkflowAction],
        variables: Mapping[str, str] | None = None,
        schedule: str | None = None,
        mode: Literal["QUEUED", "PARALLEL"] = "QUEUED",
    ) -> None:
        super().__init__(scope, construct_id)
        self.pipeline_name = name
        self._store = store
        self._role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("codepipeline.amazonaws.com"))
        self._action_roles: list[iam.Role] = []
        self._keep_artifacts(self._role)
        declared = {"COMMIT": "unknown", "CONTENT": content, **(variables or {})}
        pipeline = codepipeline.CfnPipeline(
            self,
            "Pipeline",
            name=name,
            pipeline_type="V2",
            execution_mode=mode,
            role_arn=self._role.role_arn,
            artifact_store=codepipeline.CfnPipeline.ArtifactStoreProperty(
                type="S3",
                location=store.bucket.bucket_name,
                encryption_key=codepipeline.CfnPipeline.EncryptionKeyProperty(
                    id=store.key.key_arn, type="KMS"
                ),
            ),
            variables=[
                codepipeline.CfnPipeline.VariableDeclarationProperty(name=key, default_value=value)
                for key, value in declared.items()
            ],
            stages=[
                _stage("Source", [self._source(sources)]),
                _stage("Run", [self._action(action) for action in actions]),
            ],
        )
        # CodePipeline runs a pipeline as soon as it is made, and then needs all that its roles may do.
        readers = [action.reader for action in actions if action.reader is not None]
        pipeline.node.add_dependency(self._role, *self._action_roles, *readers)
        if schedule is not None:
            self._schedule(schedule)

    @property
    def arn(self) -> str:
        """The pipeline's ARN."""
        return cdk.Stack.of(self).format_arn(service="codepipeline", resource=self.pipeline_name)

    def grant_operate(self, operator: Grantee) -> None:
        """Let a person start the pipeline and follow what it does."""
        allow(
            operator,
            "codepipeline:StartPipelineExecution",
            "codepipeline:GetPipelineExecution",
            "codepipeline:ListActionExecutions",
            on=[self.arn],
        )

    def _source(self, sources: s3_assets.Asset) -> codepipeline.CfnPipeline.ActionDeclarationProperty:
        role = self._action_role("Source")
        self._keep_artifacts(role)
        code = sources.bucket.arn_for_objects(sources.s3_object_key)
        allow(role, "s3:GetObject", "s3:GetObjectVersion", on=[code])
        on_bucket = ("s3:GetBucketVersioning", "s3:GetBucketLocation", "s3:GetBucketAcl")
        allow(role, *on_bucket, on=[sources.bucket.bucket_arn])
        return codepipeline.CfnPipeline.ActionDeclarationProperty(
            name="Source",
            action_type_id=_type("Source", "S3"),
            configuration={
                "S3Bucket": sources.s3_bucket_name,
                "S3ObjectKey": sources.s3_object_key,
                "PollForSourceChanges": "false",
            },
            output_artifacts=[_artifact(output=True)],
            role_arn=role.role_arn,
            run_order=1,
        )

    def _action(self, action: WorkflowAction) -> codepipeline.CfnPipeline.ActionDeclarationProperty:
        role = self._action_role(action.name)
        action.grant(role)
        if action.reader is not None:
            self._read_artifacts(action.reader)
        return codepipeline.CfnPipeline.ActionDeclarationProperty(
            name=action.name,
            action_type_id=_type(action.category, action.provider),
            configuration=dict(action.configuration()),
            input_artifacts=None if action.reader is None else [_artifact()],
            namespace=action.name,
            role_arn=role.role_arn,
            run_order=1,
        )

    def _action_role(self, action: str) -> iam.Role:
        role = iam.Role(self, f"{action}Role", assumed_by=iam.ArnPrincipal(self._role.role_arn))
        allow(self._role, "sts:AssumeRole", on=[role.role_arn])
        self._action_roles.append(role)
        return role

    def _keep_artifacts(self, role: iam.Role) -> None:
        bucket, key = self._store.bucket, self._store.key
        self._read_artifacts(role)
        allow(role, "s3:PutObject", on=[self._artifacts], because="CodePipeline names its artifacts")
        on_bucket = ("s3:GetBucketVersioning", "s3:GetBucketLocation", "s3:GetBucketAcl")
        allow(role, *on_bucket, on=[bucket.bucket_arn])
        allow(role, "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", on=[key.key_arn])

    def _read_artifacts(self, role: iam.Role) -> None:
        allow(
            role,
            "s3:GetObject",
            "s3:GetObjectVersion",
            on=[self._artifacts],
            because="CodePipeline names its artifacts",
        )
        allow(role, "kms:Decrypt", on=[self._store.key.key_arn])

    @property
    def _artifacts(self) -> str:
        return self._store.bucket.arn_for_objects(f"{self.pipeline_name[:_KEPT_OF_A_NAME]}*")

    def _schedule(self, expression: str) -> None:
        rule = events.Rule(
            self,
            "Schedule",
            description=f"Starts {self.pipeline_name}",
            schedule=events.Schedule.expression(expression),
        )
        imported = codepipeline.Pipeline.from_pipeline_arn(self, "Scheduled", self.arn)
        rule.add_target(targets.CodePipeline(imported))


def labeling_pipeline_name(config: Edgeline) -> str:
    """The pipeline that starts labeling executions."""
    return f"{config.name}-labeling"


def model_pipeline_name(config: Edgeline, model: Model) -> str:
    """The pipeline that trains a model."""
    return f"{config.name}-model-{model.name}"


def inspector_pipeline_name(config: Edgeline) -> str:
    """The pipeline that publishes the inspector."""
    return f"{config.name}-inspector"


def workflow_names(config: Edgeline) -> list[str]:
    """The pipelines of all workflows that the configuration wants deployed."""
    names = {
        "labeling": [labeling_pipeline_name(config)],
        "training": [model_pipeline_name(config, model) for model in config.models],
        "edge": [inspector_pipeline_name(config)],
    }
    return [name for part, found in names.items() if part in config.parts for name in found]


def content_of(*parts: object) -> str:
    """A short name for what a workflow consists of; the same parts give the same name."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _stage(
    name: str, actions: list[codepipeline.CfnPipeline.ActionDeclarationProperty]
) -> codepipeline.CfnPipeline.StageDeclarationProperty:
    return codepipeline.CfnPipeline.StageDeclarationProperty(name=name, actions=actions)


def _type(category: str, provider: str) -> codepipeline.CfnPipeline.ActionTypeIdProperty:
    return codepipeline.CfnPipeline.ActionTypeIdProperty(
        category=category, owner="AWS", provider=provider, version="1"
    )


def _artifact(*, output: bool = False) -> Any:
    pipeline = codepipeline.CfnPipeline
    return (pipeline.OutputArtifactProperty if output else pipeline.InputArtifactProperty)(name=_SOURCES)
