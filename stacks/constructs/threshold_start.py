"""The clock that looks whether enough pictures wait for a label, and starts labeling then."""

import json

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from config import Edgeline
from stacks.constructs.labeling_table import grant_images, grant_table
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.round_closer import ask_for_executions
from stacks.grants import allow

_EVERY = cdk.Duration.minutes(5)


class ThresholdStart(Construct):
    """A function by the clock, `function`; it starts no execution of a model beside another one."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Edgeline,
        machine: sfn.StateMachine,
        table: dynamodb.Table,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self.function = PythonFunction(
            self,
            "StartAtThreshold",
            handler="lambdas.labeling.start_at_threshold.handler",
            environment={
                "TABLE": table.table_name,
                "STATE_MACHINE_ARN": machine.state_machine_arn,
                "START_AT_IMAGES": str(config.labeling.start_at_images),
                "MODELS": json.dumps([model.name for model in config.detectors]),
            },
            timeout_seconds=240,
        )
        grant_table(table, key, self.function)
        grant_images(table, self.function)
        grant_starts(self.function, machine)
        rule = events.Rule(
            self,
            "Rule",
            schedule=events.Schedule.rate(_EVERY),
            description=f"Starts labeling where {config.labeling.start_at_images} pictures wait",
        )
        rule.add_target(targets.LambdaFunction(self.function))


def grant_starts(function: PythonFunction, machine: sfn.StateMachine) -> None:
    """Let a function start the machine and see what runs, as lambdas/labeling/starts.py does."""
    allow(
        function,
        "states:ListExecutions",
        "states:StartExecution",
        on=[machine.state_machine_arn],
    )
    ask_for_executions(function, machine)
