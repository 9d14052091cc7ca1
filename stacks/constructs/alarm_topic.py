"""Whom the alarms of an environment's endpoints tell, also long after a deployment."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

_CLOUDWATCH = "cloudwatch.amazonaws.com"


class AlarmTopic(Construct):
    """An encrypted topic of the environment's own account, which the alarms act on, and its reader.

    CloudWatch publishes to no topic of another region, nor with the key that AWS manages: so a key too.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, email: str, alarms: Sequence[str]
    ) -> None:
        super().__init__(scope, construct_id)
        key = kms.Key(
            self,
            "Key",
            description="What the alarms of the endpoints say",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        topic = sns.Topic(
            self, "Topic", topic_name=name, display_name="Endpoints", master_key=key, enforce_ssl=True
        )
        publisher = iam.ServicePrincipal(_CLOUDWATCH)
        ours = {"ArnEquals": {"aws:SourceArn": list(alarms)}}
        for resource, actions, arn in (
            (topic, ["sns:Publish"], topic.topic_arn),
            (key, ["kms:Decrypt", "kms:GenerateDataKey"], "*"),
        ):
            statement = iam.PolicyStatement(
                actions=actions, principals=[publisher], resources=[arn], conditions=ours
            )
            resource.add_to_resource_policy(statement)
        topic.add_subscription(subscriptions.EmailSubscription(email))
