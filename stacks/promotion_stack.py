"""From an approval to the endpoints: the approved model package goes to staging, its test, and prod."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from config import Edgeline
from stacks.constructs.on_event import OnEvent
from stacks.constructs.operator_policy import OperatorPolicy
from stacks.constructs.promotion_functions import PromotionFunctions, endpoint_name
from stacks.constructs.promotion_workflow import PromotionWorkflow
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.sagemaker_role import SageMakerRole
from stacks.constructs.staging_test import StagingTest
from stacks.grants import allow


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
            model_role=self._model_role(artifacts, key),
        )
        staging_test = StagingTest(
            self,
            "StagingTest",
            artifacts=artifacts,
            key=key,
            endpoints=functions.endpoints("staging"),
            job_prefixes=groups,
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
        caller = iam.ManagedPolicy(self, "CallerPolicy", description="Asks the prod endpoints")
        allow(caller, "sagemaker:InvokeEndpoint", on=functions.endpoints("prod"))
        cdk.CfnOutput(self, "CallerPolicyArn", value=caller.managed_policy_arn)
        self._outputs(config, workflow)

    def _model_role(self, artifacts: s3.IBucket, key: kms.IKey) -> SageMakerRole:
        """What the containers behind the endpoints may do: read models, and nothing that trains or tests."""
        role = SageMakerRole(self, "ModelRole", runs=("Endpoints",), images="pytorch-inference")
        models = artifacts.arn_for_objects("runs/*/model.tar.gz")
        allow(role, "s3:GetObject", on=[models], because="each run of the training leaves one model")
        allow(role, "kms:Decrypt", on=[key.key_arn])
        return role

    def _outputs(self, config: Edgeline, workflow: PromotionWorkflow) -> None:
        cdk.CfnOutput(self, "StateMachineArn", value=workflow.machine.state_machine_arn)
        for model in config.models:
            staging, prod = (endpoint_name(config, model, name) for name in ("staging", "prod"))
            cdk.CfnOutput(self, f"StagingEndpoint{model.output_suffix}", value=staging)
            cdk.CfnOutput(self, f"ProdEndpoint{model.output_suffix}", value=prod)


def _approval_in(groups: list[str]) -> events.EventPattern:
    return events.EventPattern(
        source=["aws.sagemaker"],
        detail_type=["SageMaker Model Package State Change"],
        detail={"ModelApprovalStatus": ["Approved"], "ModelPackageGroupName": groups},
    )
