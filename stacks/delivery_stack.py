"""Delivery: from a push to everything deployed, through the stages in their order."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import pipelines
from constructs import Construct

from config import Edgeline
from config_delivery import Delivery
from stacks.constructs.code_source import CodeSource, Connected, Repository, Upload
from stacks.constructs.infrastructure_pipeline import Deployment, InfrastructurePipeline
from stacks.constructs.start_workflows import StartWorkflows
from stacks.constructs.workflow_pipeline import workflow_names
from stacks.grants import allow

_APPROVAL = "ApproveProd"


class DeliveryStack(cdk.Stack):
    """The infrastructure pipeline, its source and who may push and approve.

    `stages` are those of the app itself, in their order, so that what the pipeline deploys and what
    `cdk deploy` deploys are the same templates.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Edgeline,
        delivery: Delivery,
        stages: Sequence[cdk.Stage],
    ) -> None:
        accounts = config.accounts
        super().__init__(
            scope,
            construct_id,
            stack_name=f"{config.name}-delivery",
            env=cdk.Environment(account=accounts.tools, region=accounts.region),
        )
        source = self._source(config, delivery)
        names = workflow_names(config)
        after_tools = [StartWorkflows(self, workflows=names, revision=source.revision)] if names else []
        pipeline = InfrastructurePipeline(
            self,
            "Infrastructure",
            name=f"{config.name}-delivery",
            source=source,
            deployments=[_deployment(stage, after_tools, delivery) for stage in stages],
            across_accounts=accounts.several,
        ).pipeline
        cdk.CfnOutput(self, "PipelineName", value=pipeline.pipeline_name)
        if delivery.approve_prod and "promotion" in config.parts:
            self._approver_policy(pipeline.pipeline_arn)

    def _source(self, config: Edgeline, delivery: Delivery) -> CodeSource:
        removal = cdk.RemovalPolicy.RETAIN if config.data.keep else cdk.RemovalPolicy.DESTROY
        if delivery.source == "connection":
            return Connected(self, "Source", delivery=delivery)
        kind = Repository if delivery.source == "codecommit" else Upload
        return kind(self, "Source", delivery=delivery, removal_policy=removal)

    def _approver_policy(self, pipeline_arn: str) -> None:
        policy = iam.ManagedPolicy(
            self, "ApproverPolicy", description="Follows the delivery, and approves it on to prod"
        )
        allow(
            policy,
            "codepipeline:GetPipeline",
            "codepipeline:GetPipelineExecution",
            "codepipeline:GetPipelineState",
            "codepipeline:ListActionExecutions",
            "codepipeline:ListPipelineExecutions",
            on=[pipeline_arn],
        )
        allow(policy, "codepipeline:PutApprovalResult", on=[f"{pipeline_arn}/Prod/{_APPROVAL}"])
        cdk.CfnOutput(self, "ApproverPolicyArn", value=policy.managed_policy_arn)


def _deployment(stage: cdk.Stage, after_tools: Sequence[pipelines.Step], delivery: Delivery) -> Deployment:
    match stage.node.id:
        case "Tools":
            return Deployment(stage, after=after_tools)
        case "Prod" if delivery.approve_prod:
            return Deployment(stage, before=[pipelines.ManualApprovalStep(_APPROVAL)])
    return Deployment(stage)
