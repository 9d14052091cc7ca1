"""What the line may cost in a month, and who hears of it before it does."""

import aws_cdk as cdk
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from config import Edgeline
from stacks.names import PROJECT_TAG

# What is measured, and the percentage of the month's budget from which it is told.
_NOTIFICATIONS = (("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100))
_BUDGETS = "budgets.amazonaws.com"


class CostStack(cdk.Stack):
    """A monthly budget over everything that has the project's tag, and the topic that its alarms go to.

    AWS counts by a tag only after it was activated in Billing: until then the budget sees nothing.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: Edgeline, key: kms.IKey) -> None:
        super().__init__(scope, construct_id, stack_name=f"{config.name}-cost")
        topic = self._topic(key)
        told = [_subscriber("SNS", topic.topic_arn)]
        if config.budget.email:
            told.append(_subscriber("EMAIL", config.budget.email))
        budget = budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=f"{config.name}-monthly",
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=config.budget.monthly_usd, unit="USD"),
                cost_filters={"TagKeyValue": [f"user:{PROJECT_TAG}${config.name}"]},
            ),
            notifications_with_subscribers=[
                _notification(kind, percent, told) for kind, percent in _NOTIFICATIONS
            ],
        )
        # Budgets tries its topic when the budget is made.
        budget.node.add_dependency(topic)
        cdk.CfnOutput(self, "BudgetName", value=f"{config.name}-monthly")
        cdk.CfnOutput(self, "BudgetTopicArn", value=topic.topic_arn)

    def _topic(self, key: kms.IKey) -> sns.Topic:
        topic = sns.Topic(
            self, "Topic", display_name="The monthly budget of the line", master_key=key, enforce_ssl=True
        )
        only_ours = {
            "StringEquals": {"aws:SourceAccount": self.account},
            "ArnLike": {"aws:SourceArn": f"arn:{cdk.Aws.PARTITION}:budgets::{self.account}:*"},
        }
        publisher = iam.ServicePrincipal(_BUDGETS)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                principals=[publisher],
                resources=[topic.topic_arn],
                conditions=only_ours,
            )
        )
        # A service publishes to an encrypted topic only where the topic's own key lets it.
        key.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                principals=[publisher],
                resources=["*"],
                conditions=only_ours,
            )
        )
        return topic


def _subscriber(kind: str, address: str) -> budgets.CfnBudget.SubscriberProperty:
    return budgets.CfnBudget.SubscriberProperty(subscription_type=kind, address=address)


def _notification(
    kind: str, percent: int, told: list[budgets.CfnBudget.SubscriberProperty]
) -> budgets.CfnBudget.NotificationWithSubscribersProperty:
    return budgets.CfnBudget.NotificationWithSubscribersProperty(
        notification=budgets.CfnBudget.NotificationProperty(
            notification_type=kind,
            comparison_operator="GREATER_THAN",
            threshold=percent,
            threshold_type="PERCENTAGE",
        ),
        subscribers=told,
    )
