"""What ends a round whose execution was stopped or ran out of time: people would answer for nobody."""

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.constructs.labeling_table import grant_table
from stacks.constructs.python_function import PythonFunction
from stacks.grants import allow

_MINUTES = 15


class RoundCloser(Construct):
    """A function that Step Functions' own event starts.

    Not where an execution failed: that is mended and redriven, and goes on with the rounds that it has.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        machine: sfn.StateMachine,
        table: dynamodb.Table,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        function = PythonFunction(
            self,
            "CloseRounds",
            handler="lambdas.labeling.close_rounds.handler",
            environment={"TABLE": table.table_name},
            timeout_seconds=60 * _MINUTES,
        )
        grant_table(table, key, function)
        ask_for_executions(function, machine)
        rule = events.Rule(
            self,
            "Rule",
            description="Closes the rounds of a labeling execution that ended before them",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "stateMachineArn": [machine.state_machine_arn],
                    "status": ["ABORTED", "TIMED_OUT"],
                },
            ),
        )
        rule.add_target(targets.LambdaFunction(function))


def ask_for_executions(function: PythonFunction, machine: sfn.StateMachine) -> None:
    """Let a function see how the executions of a machine stand."""
    executions = cdk.Stack.of(function).format_arn(
        service="states",
        resource="execution",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        resource_name=f"{machine.state_machine_name}:*",
    )
    allow(
        function, "states:DescribeExecution", on=[executions], because="an execution is named when it starts"
    )
