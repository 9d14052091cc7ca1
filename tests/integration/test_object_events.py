"""What an event of S3 says of an object in a versioned bucket."""

from __future__ import annotations

import json
from typing import Any

from local.cloud.server import LocalCloud

BUCKET = "object-events"


def test_an_event_names_the_version_of_the_object(cloud: LocalCloud) -> None:
    client = cloud.root_session().client
    s3, events, sqs = client("s3"), client("events"), client("sqs")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    told = {"EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=told)
    queue = sqs.create_queue(QueueName="object-events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [BUCKET]}}}
    rule = events.put_rule(Name="object-events", EventPattern=json.dumps(pattern))["RuleArn"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(from_rule(rule, arn))})
    events.put_targets(Rule="object-events", Targets=[{"Id": "queue", "Arn": arn}])

    version = s3.put_object(Bucket=BUCKET, Key="source.zip", Body=b"one")["VersionId"]

    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    event = json.loads(message["Body"])
    assert event["detail-type"] == "Object Created"
    assert event["detail"]["object"]["key"] == "source.zip"
    assert event["detail"]["object"]["version-id"] == version


def from_rule(rule: str, queue: str) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
