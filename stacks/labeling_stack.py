"""From images to labels: the labeling state machine, the workbench on which people answer, the schedule."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from config import Edgeline
from stacks.constructs.labeling_functions import LabelingFunctions
from stacks.constructs.labeling_workflow import LabelingWorkflow
from stacks.constructs.operator_policy import OperatorPolicy
from stacks.constructs.workbench import Workbench


class LabelingStack(cdk.Stack):
    """Images without a label, labelled by one person and verified by another, into the Feature Store."""

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
    ) -> None:
        super().__init__(scope, construct_id, stack_name=f"{config.name}-labeling")
        workbench = Workbench(self, "Workbench", images=images, key=key)
        functions = LabelingFunctions(
            self,
            "Functions",
            config=config,
            workbench=workbench,
            images=images,
            artifacts=artifacts,
            key=key,
            feature_group_name=feature_group_name,
        )
        self.workflow = LabelingWorkflow(
            self,
            "Workflow",
            functions=functions,
            max_rounds=config.labeling.max_rounds,
            round_timeout=cdk.Duration.hours(config.labeling.round_timeout_hours),
        )
        functions.grant_machine(self.workflow.machine)
        if config.labeling.schedule is not None:
            self._schedule(config.labeling.schedule, [model.name for model in config.models])
        OperatorPolicy(
            self,
            "OperatorPolicy",
            machine=self.workflow.machine,
            artifacts=artifacts,
            key=key,
            reads=["labels/", "quarantine/"],
            may_start=True,
        )
        cdk.CfnOutput(self, "StateMachineArn", value=self.workflow.machine.state_machine_arn)
        cdk.CfnOutput(self, "ApiUrl", value=workbench.api.url)
        cdk.CfnOutput(self, "AnnotatorPolicyArn", value=workbench.annotator_policy.managed_policy_arn)

    def _schedule(self, expression: str, models: list[str]) -> None:
        rule = events.Rule(
            self,
            "Schedule",
            description="Starts a labeling execution for each model",
            schedule=events.Schedule.expression(expression),
        )
        for model in models:
            rule.add_target(
                targets.SfnStateMachine(
                    self.workflow.machine, input=events.RuleTargetInput.from_object({"model": model})
                )
            )
