"""Promotions of small stand-in models through the deployed Promotion stack, IAM enforced.

The model answers with its own score and its run; the evaluation asks the endpoint for them.
"""

import json
from collections.abc import Callable

import pytest
from faults.promoted import Promotions
from waiting import eventually

from local.cloud.server import LocalCloud


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Promotions:
    return Promotions(cloud, tmp_path_factory.mktemp("promotion"), name="promoted")


@pytest.fixture
def subjects(line: Promotions, cloud: LocalCloud) -> Callable[[], list[str]]:
    """The subjects of the notices since the test began, as a queue that subscribes to the topic gets them."""
    session = cloud.root_session()
    arn = f"arn:aws:sqs:{cloud.region}:{cloud.account}:notices"
    topic = line.deployed.output("promotion", "NoticesTopicArn")
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    made = session.client("sqs").create_queue(QueueName="notices", Attributes={"Policy": policy})
    queue = made["QueueUrl"]
    session.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def receive() -> list[str]:
        found: list[str] = []
        while (
            got := session.client("sqs")
            .receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
            .get("Messages")
        ):
            for message in got:
                found.append(json.loads(message["Body"])["Subject"])
                session.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return sorted(subject for subject in found if " in prod" in subject or "not promoted" in subject)

    return receive


def test_promotions(line: Promotions, subjects: Callable[[], list[str]]) -> None:
    """One story, for endpoints are slow: each part begins where the one before has left the endpoints."""
    first, second = line.register(), line.register()
    before = set(line.executions())
    line.set_approval(first, "Approved")
    eventually(line.holder)  # it has its turn: before that, the second would supersede it
    line.set_approval(second, "Approved")
    started = eventually(
        lambda: set(line.executions()) - before if len(line.executions()) > len(before) + 1 else ()
    )
    both = sorted((line.ended(execution) for execution in started), key=lambda ended: str(ended["stopDate"]))
    assert [ended["status"] for ended in both] == ["SUCCEEDED", "SUCCEEDED"]
    assert [json.loads(ended["input"])["model_package_arn"] for ended in both] == [first, second]
    assert line.packages_served() == (second, second)
    releases = [line.record(arn) for arn in (first, second)]
    assert [release["outcome"] for release in releases] == ["promoted", "promoted"]
    assert releases[1]["prod"]["config_before"] == releases[0]["prod"]["deployed"]["config"]
    assert releases[0]["approved_by"].endswith(":root")

    again = line.promote(first)
    assert again["status"] == "SUCCEEDED"
    assert line.packages_served() == (first, first), "the older is what was approved"
    assert line.record(first, again["executionArn"])["outcome"] == "promoted"

    worse = line.register(answers=0.5)
    failed = line.promote(worse)
    assert (failed["status"], failed["error"]) == ("FAILED", "StagingTestFailed")
    assert "map50 is 0.5000, registered 0.9000" in failed["cause"]
    assert line.packages_served() == (first, first)
    assert line.outcome(worse) == "StagingTestFailed"
    described = line.sagemaker.describe_model_package(ModelPackageName=worse)
    assert described["ModelApprovalStatus"] == "Approved", "what a person decided is left to people"
    assert described["ModelLifeCycle"]["StageStatus"] == "Failed"
    versions = [arn.rsplit("/", 1)[1] for arn in (first, first, second, worse)]
    assert subjects() == sorted(
        [
            *(f"tags {version} is in prod" for version in versions[:3]),
            f"tags {versions[3]} was not promoted: StagingTestFailed",
        ]
    )
