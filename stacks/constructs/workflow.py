"""A state machine with its log, its traces and an end to its time."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.acknowledgements import acknowledge_pattern
from stacks.grants import acknowledge_wildcard

_CDK_WRITES = (
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
)


class Workflow(sfn.StateMachine):
    """A standard state machine that logs every event and calls these functions."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        start: sfn.IChainable,
        timeout: cdk.Duration,
        functions: Sequence[lambda_.Function],
        name: str | None = None,
    ) -> None:
        log_group = logs.LogGroup(
            scope,
            f"{construct_id}Logs",
            retention=logs.RetentionDays.SIX_MONTHS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        role = iam.Role(scope, f"{construct_id}Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        super().__init__(
            scope,
            construct_id,
            state_machine_name=name,
            definition_body=sfn.DefinitionBody.from_chainable(start),
            role=role,
            timeout=timeout,
            tracing_enabled=True,
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=True),
        )
        acknowledge_wildcard(role, *_CDK_WRITES)
        for function in functions:
            acknowledge_pattern(role, f"{function.function_arn}:*", "CDK adds the function's own versions")
