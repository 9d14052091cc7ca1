"""Notices: what people are told of promotions, and who asks for their approval."""

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from stacks.constructs.python_function import PythonFunction
from stacks.constructs.states import EXECUTION, call
from stacks.grants import Grantee, allow


class Notices(Construct):
    """An encrypted topic, its reader by e-mail if there is one, and the states that tell of promotions."""

    def __init__(self, scope: Construct, construct_id: str, *, key: kms.IKey, email: str | None) -> None:
        super().__init__(scope, construct_id)
        self._key = key
        self.topic = sns.Topic(self, "Topic", display_name="Promotions", master_key=key, enforce_ssl=True)
        if email:
            self.topic.add_subscription(subscriptions.EmailSubscription(email))
        self._notify = PythonFunction(
            self,
            "Notify",
            handler="lambdas.promotion.notify.handler",
            environment={"TOPIC_ARN": self.topic.topic_arn},
        )
        self.grant_publish(self._notify)
        cdk.CfnOutput(cdk.Stack.of(self), "NoticesTopicArn", value=self.topic.topic_arn)

    @property
    def functions(self) -> list[lambda_.Function]:
        """The function that the states call."""
        return [self._notify]

    def grant_publish(self, grantee: Grantee) -> None:
        """Let a function or a state machine's role publish to the topic."""
        allow(grantee, "sns:Publish", on=[self.topic.topic_arn])
        allow(grantee, "kms:Decrypt", "kms:GenerateDataKey", on=[self._key.key_arn])

    def tell(self, name: str, *, then: sfn.IChainable) -> tasks.LambdaInvoke:
        """A state that tells how the promotion ended; what ended well does not fail because of a notice."""
        payload = {
            "promotion": sfn.JsonPath.entire_payload,
            "execution": sfn.JsonPath.string_at(EXECUTION),
        }
        state = call(self, name, self._notify, payload, "$.notice")
        state.add_catch(then, result_path="$.notice_failure")
        state.next(then)
        return state
