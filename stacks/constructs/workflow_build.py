"""A CodeBuild project that a workflow's pipeline runs on its sources."""

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from stacks.acknowledgements import acknowledge, acknowledge_pattern
from stacks.constructs.packed_files import ROOT, fingerprint, packed_with


class WorkflowBuild(Construct):
    """A project without a source of its own: `project`, its role, and the asset for the pipeline, `sources`.

    `files` and folders are what the asset takes of the repository, and `documents` are packed with them;
    `code_hash` is that of the files alone. `commands` run after `requirements` are installed; `exported` are
    what they leave in the environment for the pipeline.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        description: str,
        key: kms.IKey,
        files: Sequence[str],
        requirements: str,
        commands: Sequence[str],
        environment: Mapping[str, str],
        exported: Sequence[str] = (),
        documents: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.code_hash = fingerprint(tuple(files))
        self.sources = s3_assets.Asset(
            self, "Sources", path=str(ROOT), **packed_with(tuple(files), documents or {})
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("codebuild.amazonaws.com"))
        self.project = codebuild.PipelineProject(
            self,
            "Project",
            description=description,
            role=self.role,
            build_spec=_buildspec(requirements, commands, exported),
            environment=codebuild.BuildEnvironment(
                build_image=codebuild.LinuxBuildImage.AMAZON_LINUX_2023_5,
                compute_type=codebuild.ComputeType.SMALL,
            ),
            environment_variables={
                name: codebuild.BuildEnvironmentVariable(value=value) for name, value in environment.items()
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

    def _log_group(self) -> logs.LogGroup:
        return logs.LogGroup(
            self,
            "Logs",
            retention=logs.RetentionDays.SIX_MONTHS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )

    def _acknowledge_what_cdk_grants(self) -> None:
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


def _buildspec(requirements: str, commands: Sequence[str], exported: Sequence[str]) -> codebuild.BuildSpec:
    build = {
        "version": "0.2",
        "phases": {
            "install": {
                "runtime-versions": {"python": "3.12"},
                "commands": [f"python -m pip install --quiet -r {requirements}"],
            },
            "build": {"commands": list(commands)},
        },
    }
    variables = {"env": {"exported-variables": list(exported)}} if exported else {}
    return codebuild.BuildSpec.from_object_to_yaml({**build, **variables})
