"""What a person who runs the line may do with one of its workflows."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.grants import allow, read_objects

_OF_THE_MACHINE = ("states:DescribeStateMachine", "states:ListExecutions")
_OF_AN_EXECUTION = ("states:DescribeExecution", "states:GetExecutionHistory")


class OperatorPolicy(iam.ManagedPolicy):
    """Follow the executions of a state machine, start them where `may_start`, read what they write.

    `reads` are the prefixes of the artifacts bucket in which the workflow leaves its results. The output
    `OperatorPolicyArn` of the stack names the policy.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        machine: sfn.StateMachine,
        artifacts: s3.IBucket,
        key: kms.IKey,
        reads: Sequence[str],
        may_start: bool = False,
    ) -> None:
        super().__init__(scope, construct_id, description="Follows the executions of a workflow")
        if may_start:
            allow(self, "states:StartExecution", on=[machine.state_machine_arn])
        self.follow(machine)
        read_objects(self, artifacts, key, *reads)
        cdk.CfnOutput(cdk.Stack.of(self), "OperatorPolicyArn", value=self.managed_policy_arn)

    def start(self, machine: sfn.StateMachine) -> None:
        """Allow to start another machine, and to look at it and its executions."""
        allow(self, "states:StartExecution", on=[machine.state_machine_arn])
        self.follow(machine)

    def follow(self, machine: sfn.StateMachine) -> None:
        """Allow to look at a machine and its executions."""
        allow(self, *_OF_THE_MACHINE, on=[machine.state_machine_arn])
        executions = cdk.Stack.of(self).format_arn(
            service="states",
            resource="execution",
            resource_name=f"{machine.state_machine_name}:*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        allow(self, *_OF_AN_EXECUTION, on=[executions], because="an execution is named when it starts")
