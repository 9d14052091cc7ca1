"""From an approval to the endpoints: the approved model package goes to staging, its test, and prod."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from config import Edgeline
from stacks.accounts import ToolsAccount, WorkloadAccount, environments
from stacks.constructs.on_event import OnEvent
from stacks.constructs.operator_policy import OperatorPolicy
from stacks.constructs.promotion_functions import PromotionFunctions
from stacks.constructs.promotion_workflow import PromotionWorkflow
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.staging_test import StagingTest
from stacks.cost_tags import cost_tags


class PromotionStack(cdk.Stack):
    """An approval's own model package, and no other, on its way to staging and prod."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Edgeline, artifacts: s3.IBucket, key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id, stack_name=f"{config.name}-promotion")
        groups = [f"{config.name}-{model.name}" for model in config.models]
        functions = PromotionFunctions(
            self,
            "Functions",
            config=config,
            artifacts=artifacts,
            key=key,
        )
        staging = WorkloadAccount(config, "staging")
        staging_test = StagingTest(
            self,
            "StagingTest",
            artifacts=artifacts,
            key=key,
            role_name=ToolsAccount(config).staging_test_role_name,
            tester_role_arn=staging.role_arn(staging.tester_role_name),
            job_prefixes=groups,
            tags=cost_tags(config.name, environment="tools", part="promotion"),
        )
        workflow = PromotionWorkflow(
            self, "Workflow", functions=functions, staging_test=staging_test, event_source=config.name
        )
        start = PythonFunction(
            self,
            "StartPromotion",
            handler="lambdas.promotion.start_promotion.handler",
            environment={
                "STATE_MACHINE_ARN": workflow.machine.state_machine_arn,
                "TURNS_TABLE": workflow.turns.table_name,
                "MODELS": functions.models,
            },
        )
        workflow.machine.grant_start_execution(start)
        workflow.turns.grant_join(start)
        functions.grant_describe_packages(start)
        OnEvent(self, "Approval", pattern=_approval_in(groups), function=start)
        OperatorPolicy(
            self,
            "OperatorPolicy",
            machine=workflow.machine,
            artifacts=artifacts,
            key=key,
            reads=["releases/"],
        )
        self._outputs(config, workflow)

    def _outputs(self, config: Edgeline, workflow: PromotionWorkflow) -> None:
        cdk.CfnOutput(self, "StateMachineArn", value=workflow.machine.state_machine_arn)
        for model in config.models:
            staging, prod = (workload.endpoint_name(model) for workload in environments(config))
            cdk.CfnOutput(self, f"StagingEndpoint{model.output_suffix}", value=staging)
            cdk.CfnOutput(self, f"ProdEndpoint{model.output_suffix}", value=prod)


def _approval_in(groups: list[str]) -> events.EventPattern:
    return events.EventPattern(
        source=["aws.sagemaker"],
        detail_type=["SageMaker Model Package State Change"],
        detail={"ModelApprovalStatus": ["Approved"], "ModelPackageGroupName": groups},
    )
