"""A function that is called on an event, with a place for the events that it could not take."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.acknowledgements import acknowledge


class OnEvent(Construct):
    """Call a function on each event of a pattern; `dead_letters` keeps for 14 days what failed for a day."""

    def __init__(
        self, scope: Construct, construct_id: str, *, pattern: events.EventPattern, function: lambda_.Function
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        acknowledge(self.dead_letters, "AwsSolutions-SQS3", "this queue is the dead letter queue")
        function.configure_async_invoke(
            on_failure=destinations.SqsDestination(self.dead_letters), retry_attempts=2
        )
        self.rule = events.Rule(self, "Rule", event_pattern=pattern)
        target = targets.LambdaFunction(
            function,
            dead_letter_queue=self.dead_letters,
            max_event_age=cdk.Duration.hours(24),
            retry_attempts=100,
        )
        self.rule.add_target(target)
