"""The CodeBuild project that builds, checks, upserts and starts the SageMaker pipelines."""

import json
from collections.abc import Mapping
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from stacks.acknowledgements import acknowledge, acknowledge_pattern

_ROOT = Path(__file__).parents[2]
_SOURCES = ("pipeline_defs", "inference", "requirements-pipeline.txt", "requirements-jobs.txt")
_UPSERT = 'python -m pipeline_defs.upsert --model "$MODEL" --labels-manifest "$LABELS_MANIFEST" --start'


class PipelineBuild(Construct):
    """Runs `python -m pipeline_defs.upsert`; a start of the build names MODEL, and LABELS_MANIFEST if any.

    `models` says for each model what its pipeline has to know; the first is built where a start names none.
    The build ends once the pipeline's execution has started: it does not wait for the training.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        key: kms.IKey,
        models: Mapping[str, Mapping[str, object]],
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(scope, construct_id)
        asked = {"MODEL": next(iter(models)), "MODEL_CONFIG": json.dumps(models), "LABELS_MANIFEST": ""}
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("codebuild.amazonaws.com"))
        self.project = codebuild.Project(
            self,
            "Project",
            description="Builds, checks, upserts and starts a SageMaker pipeline",
            role=self.role,
            source=self._source(),
            build_spec=_buildspec(),
            environment=codebuild.BuildEnvironment(
                build_image=codebuild.LinuxBuildImage.AMAZON_LINUX_2023_5,
                compute_type=codebuild.ComputeType.SMALL,
            ),
            environment_variables={
                name: codebuild.BuildEnvironmentVariable(value=value)
                for name, value in {**asked, **environment}.items()
            },
            encryption_key=key,
            grant_report_group_permissions=False,
            logging=codebuild.LoggingOptions(
                cloud_watch=codebuild.CloudWatchLoggingOptions(log_group=self._log_group())
            ),
            timeout=cdk.Duration.minutes(30),
            queued_timeout=cdk.Duration.hours(2),
        )
        self._acknowledge_what_cdk_grants()

    def _source(self) -> codebuild.ISource:
        asset = s3_assets.Asset(
            self,
            "Sources",
            path=str(_ROOT),
            exclude=["*", *(f"!{source}" for source in _SOURCES), "**/__pycache__"],
            ignore_mode=cdk.IgnoreMode.DOCKER,
        )
        return codebuild.Source.s3(bucket=asset.bucket, path=asset.s3_object_key)

    def _log_group(self) -> logs.LogGroup:
        return logs.LogGroup(
            self,
            "Logs",
            retention=logs.RetentionDays.SIX_MONTHS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )

    def _acknowledge_what_cdk_grants(self) -> None:
        for action in ("s3:GetObject*", "s3:GetBucket*", "s3:List*"):
            acknowledge(
                self.role,
                f"AwsSolutions-IAM5[Action::{action}]",
                "reading its own sources, one asset of the CDK bootstrap bucket",
            )
        for action in ("kms:ReEncrypt*", "kms:GenerateDataKey*"):
            acknowledge(self.role, f"AwsSolutions-IAM5[Action::{action}]", "on the one key of the line")
        log_group = f"log-group:/aws/codebuild/{self.project.project_name}:*"
        acknowledge_pattern(
            self.role,
            cdk.Stack.of(self).format_arn(
                service="logs", resource=log_group, arn_format=cdk.ArnFormat.NO_RESOURCE_NAME
            ),
            "the streams of its own log group",
        )


def _buildspec() -> codebuild.BuildSpec:
    return codebuild.BuildSpec.from_object_to_yaml(
        {
            "version": "0.2",
            "phases": {
                "install": {
                    "runtime-versions": {"python": "3.12"},
                    "commands": ["python -m pip install --quiet -r requirements-pipeline.txt"],
                },
                "build": {"commands": [_UPSERT]},
            },
        }
    )
