"""The one table of labeling: rounds, tasks, answers, and the ledger of the images."""

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.constructs.python_function import PythonFunction
from stacks.grants import allow, use_table_key

QUEUE_INDEX = "Queue"
IMAGES_INDEX = "Images"


def labeling_table(scope: Construct, key: kms.IKey, *, keep: bool) -> dynamodb.Table:
    """Make the table, with its indexes of tasks to give out and of images that wait.

    DynamoDB adds no more than one index in an update.

    It also is the ledger of the images (lambdas/labeling/image_ledger.py): losing it means labelling
    everything again, so it outlives the stack, if `keep`, and can be restored to any second of the last 35
    days.
    """
    table = dynamodb.Table(
        scope,
        "Tasks",
        partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
        encryption_key=key,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        time_to_live_attribute="expires",
        deletion_protection=keep,
        removal_policy=cdk.RemovalPolicy.RETAIN if keep else cdk.RemovalPolicy.DESTROY,
    )
    table.add_global_secondary_index(
        index_name=QUEUE_INDEX,
        partition_key=dynamodb.Attribute(name="queue", type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name="available_at", type=dynamodb.AttributeType.NUMBER),
        projection_type=dynamodb.ProjectionType.INCLUDE,
        non_key_attributes=["labeled_by", "lessee", "execution"],
    )
    table.add_global_secondary_index(
        index_name=IMAGES_INDEX,
        partition_key=dynamodb.Attribute(name="images", type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name="turn", type=dynamodb.AttributeType.STRING),
        projection_type=dynamodb.ProjectionType.ALL,  # no labelled image is in it
    )
    return table


def grant_images(table: dynamodb.Table, function: PythonFunction) -> None:
    """Let a function see which images wait."""
    allow(function, "dynamodb:Query", on=[f"{table.table_arn}/index/{IMAGES_INDEX}"])


def grant_table(table: dynamodb.Table, key: kms.IKey, function: PythonFunction) -> None:
    """Let a function read and write the items of the table and query its index."""
    allow(
        function,
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:Query",
        on=[table.table_arn, f"{table.table_arn}/index/{QUEUE_INDEX}"],
    )
    use_table_key(function, key)
