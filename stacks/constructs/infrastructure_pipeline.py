"""The pipeline that every push goes through: it builds and checks the app, updates itself, deploys."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import pipelines
from constructs import Construct

from stacks.acknowledgements import acknowledge
from stacks.constructs.code_source import CodeSource
from stacks.constructs.exact_bucket import ExactBucket
from stacks.constructs.exact_policy import ExactPolicy
from stacks.grants import allow

# What the builds after synth install; a test holds the first to the version in the requirements, and the
# major version of the schema to that of the library.
CLI_VERSION = "2.1146.1"
ASSETS_VERSION, SCHEMA_VERSION = "1.5.0", "55.6.0"
_NODE = {"nodejs": "22"}

_INSTALL = (
    "python -m pip install --quiet -r requirements-checks.txt",
    "npm ci --prefix checks/asl",
    "npm ci --prefix labeling_app",
)
_BUILD = (
    # The library's own validation of templates is one of the checks.
    "CDK_VALIDATION=false cdk synth --quiet",
    "python -m checks cdk.out",
    "python -m pytest tests/infrastructure tests/unit/lambdas -q --junitxml=reports/tests.xml",
)
_PUBLISH = Path(__file__).with_name("publish_assets.js")


@dataclass(frozen=True)
class Deployment:
    """A stage to deploy, with what comes before and after it."""

    stage: cdk.Stage
    before: Sequence[pipelines.Step] = ()
    after: Sequence[pipelines.Step] = ()


class InfrastructurePipeline(Construct):
    """Source, synth and checks, self-mutation, assets, then the deployments in their order.

    `across_accounts`: some deployment goes to another account, whose roles must read the artifacts; that
    takes a key, which costs a dollar a month.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        source: CodeSource,
        deployments: Sequence[Deployment],
        across_accounts: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self._key = self._make_key() if across_accounts else None
        self._artifacts = ExactBucket(
            self,
            "Artifacts",
            key=self._key,
            because="copies of code and templates, which the pipeline alone reads and writes",
            expire_days=30,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self._logs = logs.LogGroup(
            self,
            "Logs",
            retention=logs.RetentionDays.SIX_MONTHS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self._reports = codebuild.ReportGroup(
            self, "TestReports", delete_reports=True, removal_policy=cdk.RemovalPolicy.DESTROY
        )
        self.pipeline = codepipeline.Pipeline(
            self,
            "Pipeline",
            pipeline_name=name,
            pipeline_type=codepipeline.PipelineType.V2,
            restart_execution_on_update=True,
            artifact_bucket=self._artifacts,
            cross_account_keys=across_accounts,
        )
        stages = pipelines.CodePipeline(
            self,
            "Stages",
            code_pipeline=self.pipeline,
            synth=self._synth(source),
            cli_version=CLI_VERSION,
            publish_assets_in_parallel=False,
            code_build_defaults=self._build_defaults(),
        )
        for deployment in deployments:
            stages.add_stage(deployment.stage, pre=[*deployment.before], post=[*deployment.after])
        stages.build_pipeline()
        source.start_on_change(self.pipeline)
        assets = stages.node.find_child("Assets").node.find_child("FileAsset")
        if not isinstance(assets, codebuild.Project):
            raise TypeError(f"{assets.node.path} is not the project that publishes the assets")
        _publish_by_library(assets)
        self._narrow(stages, assets)

    def _make_key(self) -> kms.Key:
        return kms.Key(
            self,
            "Key",
            description="What delivery hands from stage to stage, into other accounts too",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )

    def _synth(self, source: CodeSource) -> pipelines.CodeBuildStep:
        report = {"files": ["tests.xml"], "base-directory": "reports", "file-format": "JUNITXML"}
        return pipelines.CodeBuildStep(
            "Synth",
            input=source.step,
            install_commands=[*_INSTALL],
            commands=[*_BUILD],
            partial_build_spec=codebuild.BuildSpec.from_object(
                {
                    "version": "0.2",
                    "phases": {"install": {"runtime-versions": {"python": "3.12"}}},
                    "reports": {self._reports.report_group_arn: report},
                }
            ),
        )

    def _build_defaults(self) -> pipelines.CodeBuildOptions:
        return pipelines.CodeBuildOptions(
            build_environment=codebuild.BuildEnvironment(
                build_image=codebuild.LinuxBuildImage.AMAZON_LINUX_2023_5,
                compute_type=codebuild.ComputeType.SMALL,
                privileged=False,
            ),
            logging=codebuild.LoggingOptions(
                cloud_watch=codebuild.CloudWatchLoggingOptions(log_group=self._logs)
            ),
            partial_build_spec=codebuild.BuildSpec.from_object(
                {"phases": {"install": {"runtime-versions": _NODE}}}
            ),
            timeout=cdk.Duration.minutes(30),
        )

    def _narrow(self, stages: pipelines.CodePipeline, assets: codebuild.Project) -> None:
        """Let each build do what it does, in the place of what CDK Pipelines lets all of them do."""
        synth = self._policy(stages.synth_project, writes=True)
        reporting = ("codebuild:BatchPutTestCases", "codebuild:CreateReport", "codebuild:UpdateReport")
        allow(synth, *reporting, on=[self._reports.report_group_arn])
        self_mutation = self._policy(stages.self_mutation_project)
        allow(self_mutation, "sts:AssumeRole", on=_bootstrap_roles(self))
        self._policy(assets, keep="sts:AssumeRole")

    def _policy(self, project: codebuild.IProject, *, writes: bool = False, keep: str = "") -> ExactPolicy:
        role = project.role
        if not isinstance(role, iam.Role):
            raise TypeError(f"{project.node.path} has no role of its own")
        policy = ExactPolicy(role, keep=keep)
        allow(policy, "logs:CreateLogStream", "logs:PutLogEvents", on=[self._logs.log_group_arn])
        if writes:
            self._artifacts.grant_read_write(policy)
        else:
            self._artifacts.grant_read(policy)
        if self._key is None:
            reason = "one account: S3's own key encrypts the artifacts, as it does the bucket"
            acknowledge(project, "AwsSolutions-CB4", reason)
        return policy


def _publish_by_library(assets: codebuild.Project) -> None:
    """Publish with CDK's library for it in the place of the command `cdk-assets` around it.

    The command comes with a schema of its own and refuses assemblies that are newer. Also the build names no
    asset: one that changes does not change the pipeline.
    """
    libraries = f"@aws-cdk/cdk-assets-lib@{ASSETS_VERSION} @aws-cdk/cloud-assembly-schema@{SCHEMA_VERSION}"
    script = _PUBLISH.read_text(encoding="utf-8")
    publish = f"NODE_PATH=\"$(npm root -g)\" node - <<'END'\n{script}END"
    install = {"runtime-versions": _NODE, "commands": [f"npm install -g {libraries}"]}
    phases = {"install": install, "build": {"commands": [publish]}}
    spec = codebuild.BuildSpec.from_object_to_yaml({"version": "0.2", "phases": phases})
    project = assets.node.default_child
    if not isinstance(project, codebuild.CfnProject):
        raise TypeError(f"{assets.node.path} is not made of a project")
    project.add_property_override("Source.BuildSpec", spec.to_build_spec())


def _bootstrap_roles(scope: Construct) -> list[str]:
    """The roles of `cdk bootstrap` with which `cdk deploy` deploys a stack of this account."""
    synthesizer = cdk.DefaultStackSynthesizer
    arns = (synthesizer.DEFAULT_DEPLOY_ROLE_ARN, synthesizer.DEFAULT_FILE_ASSET_PUBLISHING_ROLE_ARN)
    return [cdk.Fn.sub(arn.replace("${Qualifier}", synthesizer.DEFAULT_QUALIFIER)) for arn in arns]
