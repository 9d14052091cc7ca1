"""CloudWatch whole: an endpoint's errors, latency and answers ring its alarms, and who listens is told."""

from __future__ import annotations

import io
import json
import tarfile
import time
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from PIL import Image
from sample_stack import write_assembly
from tiny_detector import write_tiny_model
from waiting import eventually

from local.cloud.deploy import deploy
from local.cloud.server import LocalCloud
from local.monitoring import monitoring_of
from pipeline_defs.common.packaging import DETECTION, pack_serving_code

PERIOD = 10
# What the body asks for: a failure, a slow answer, none found, or the score that was found.
INFERENCE = """
import time

def model_fn(model_dir):
    return None

def input_fn(body, content_type, context):
    return bytes(body).decode()

def predict_fn(asked, model):
    if asked == "slow":
        time.sleep(0.4)
    score = asked if asked[0].isdigit() else "1.0"
    print("ANSWER 1 -\\n" if asked == "none" else f"ANSWER 0 {score}\\n", end="", flush=True)
    return 1 / (asked != "fail")

def output_fn(answer, accept):
    return "{}", "application/json"
"""


def unique(word: str) -> str:
    return f"{word}-{uuid.uuid4().hex[:8]}"


@dataclass
class Mailbox:
    """A queue, and what came into it."""

    sqs: Any
    url: str
    arn: str

    def next(self) -> dict[str, Any]:
        def look() -> Any:
            return self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=1).get("Messages")

        (message,) = eventually(look)
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        body: dict[str, Any] = json.loads(message["Body"])
        return body


def mailbox(cloud: LocalCloud) -> Mailbox:
    """Make a queue that topics and events may send to."""
    sqs = cloud.root_session().client("sqs")
    url = sqs.create_queue(QueueName=unique("mailbox"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    services = {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]}
    statement = {"Effect": "Allow", "Principal": services, "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Statement": [statement]})})
    return Mailbox(sqs, url, arn)


def topic(cloud: LocalCloud, box: Mailbox, **attributes: str) -> str:
    sns = cloud.root_session().client("sns")
    arn: str = sns.create_topic(Name=unique("topic"), Attributes=attributes)["TopicArn"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=box.arn)
    return arn


def state(cloud: LocalCloud, name: str) -> str:
    found = cloud.root_session().client("cloudwatch").describe_alarms(AlarmNames=[name])
    value: str = found["MetricAlarms"][0]["StateValue"]
    return value


def comes_to(cloud: LocalCloud, name: str, wanted: str) -> None:
    client = cloud.root_session().client("cloudwatch")

    def look() -> bool:
        found = client.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
        return bool(found["StateValue"] == wanted)

    eventually(look)


def rule(name: str, **more: Any) -> dict[str, Any]:
    kept = {"AlarmName": name, "EvaluationPeriods": 1, "TreatMissingData": "notBreaching"}
    return {**kept, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 0.0, **more}


def of(namespace: str, metric: str, **dimensions: str) -> dict[str, Any]:
    named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    return {"Namespace": namespace, "MetricName": metric, "Dimensions": named, "Period": PERIOD}


@dataclass
class Endpoint:
    cloud: LocalCloud
    name: str
    config: str

    def ask(self, body: str, times: int = 1) -> None:
        runtime = self.cloud.root_session().client("sagemaker-runtime")
        for _ in range(times):
            failing = pytest.raises(ClientError, match="ModelError") if body == "fail" else nullcontext()
            with failing:
                runtime.invoke_endpoint(EndpointName=self.name, Body=body, ContentType="text/plain")

    @property
    def dimensions(self) -> dict[str, str]:
        return {"EndpointName": self.name, "VariantName": "all"}


def role(cloud: LocalCloud, service: str, *statements: dict[str, Any]) -> str:
    iam, name = cloud.root_session().client("iam"), unique("role")
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=document)
    arn: str = made["Role"]["Arn"]
    return arn


def archive(folder: Path) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(folder, arcname=".")
    return packed.getvalue()


@contextmanager
def served(cloud: LocalCloud, model: Path, instances: int) -> Iterator[Endpoint]:
    """Serve what lies in a folder as an endpoint whose answers are counted."""
    session, name = cloud.root_session(), unique("endpoint")
    s3, sagemaker = session.client("s3"), session.client("sagemaker")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    s3.put_object(Bucket=name, Key="model.tar.gz", Body=archive(model))
    everything = {"Effect": "Allow", "Action": ["s3:*", "logs:*"], "Resource": "*"}
    container = {
        "Image": "image",
        "ModelDataUrl": f"s3://{name}/model.tar.gz",
        "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
    }
    arn = role(cloud, "sagemaker.amazonaws.com", everything)
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=arn, PrimaryContainer=container)
    variant = {
        "VariantName": "all", "ModelName": name, "InstanceType": "ml.m5.large",
        "InitialInstanceCount": instances,
    }  # fmt: skip
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    count_answers(cloud, name)
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

    def serves() -> bool:
        return bool(sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService")

    eventually(serves)
    yield Endpoint(cloud, name, name)
    sagemaker.delete_endpoint(EndpointName=name)


@pytest.fixture(scope="module")
def endpoint(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    model = tmp_path_factory.mktemp("model")
    (model / "code").mkdir()
    (model / "code" / "inference.py").write_text(INFERENCE)
    with served(cloud, model, 2) as made:
        yield made


def count_answers(cloud: LocalCloud, endpoint: str) -> None:
    """Put the metric filters of stacks/constructs/answer_metrics.py."""
    logs, group = cloud.root_session().client("logs"), f"/aws/sagemaker/Endpoints/{endpoint}"
    logs.create_log_group(logGroupName=group)
    for metric, pattern, value in (
        ("EmptyAnswers", '[..., tag="ANSWER", empty, score]', "$empty"),
        ("Score", '[..., tag="ANSWER", empty=0, score]', "$score"),
    ):
        made = {"metricName": metric, "metricNamespace": f"Edgeline/{endpoint}", "metricValue": value}
        logs.put_metric_filter(
            logGroupName=group, filterName=metric, filterPattern=pattern, metricTransformations=[made]
        )


@pytest.mark.acceptance
def test_errors_ring_an_alarm_that_tells_its_topic_and_the_event_bus(
    cloud: LocalCloud, endpoint: Endpoint
) -> None:
    cloudwatch, name = cloud.root_session().client("cloudwatch"), unique("errors")
    mail, events = mailbox(cloud), mailbox(cloud)
    bus = cloud.root_session().client("events")
    pattern = {"detail-type": ["CloudWatch Alarm State Change"], "detail": {"alarmName": [name]}}
    bus.put_rule(Name=name, EventPattern=json.dumps(pattern))
    bus.put_targets(Rule=name, Targets=[{"Id": "box", "Arn": events.arn}])
    told = topic(cloud, mail)
    metric = of("AWS/SageMaker", "Invocation5XXErrors", **endpoint.dimensions)
    cloudwatch.put_metric_alarm(
        **rule(name, Threshold=0.01, AlarmActions=[told], OKActions=[told]), **metric, Statistic="Average"
    )
    comes_to(cloud, name, "OK")
    assert mail.next()["Subject"].startswith("OK:")
    endpoint.ask("0.9", 9)
    endpoint.ask("fail")
    comes_to(cloud, name, "ALARM")
    letter = mail.next()
    message = json.loads(letter["Message"])
    assert letter["Subject"] == f'ALARM: "{name}" in {cloud.region}'
    assert (message["NewStateValue"], message["OldStateValue"]) == ("ALARM", "OK")
    assert message["Trigger"]["Dimensions"] == [
        {"name": key, "value": value} for key, value in endpoint.dimensions.items()
    ]
    comes_to(cloud, name, "OK")
    assert mail.next()["Subject"].startswith("OK:")
    seen = [events.next() for _ in range(3)]
    assert [event["detail"]["state"]["value"] for event in seen] == ["OK", "ALARM", "OK"]
    assert seen[1]["source"] == "aws.cloudwatch"
    assert seen[1]["resources"] == [f"arn:aws:cloudwatch:{cloud.region}:{cloud.account}:alarm:{name}"]
    metrics = seen[1]["detail"]["configuration"]["metrics"]
    assert metrics[0]["metricStat"]["metric"]["dimensions"] == endpoint.dimensions


@pytest.mark.acceptance
def test_slow_answers_ring_by_their_p95_of_the_fleet_that_gave_them(
    cloud: LocalCloud, endpoint: Endpoint
) -> None:
    cloudwatch, name = cloud.root_session().client("cloudwatch"), unique("latency")
    for config in (endpoint.config, "another"):
        metric = of("AWS/SageMaker", "ModelLatency", **endpoint.dimensions, EndpointConfigName=config)
        cloudwatch.put_metric_alarm(
            **rule(f"{name}-{config}", Threshold=300_000.0), **metric, ExtendedStatistic="p95"
        )
    endpoint.ask("0.9", 10)
    endpoint.ask("slow", 3)
    comes_to(cloud, f"{name}-{endpoint.config}", "ALARM")
    assert state(cloud, f"{name}-another") != "ALARM"
    comes_to(cloud, f"{name}-{endpoint.config}", "OK")


@pytest.mark.acceptance
def test_answers_unlike_those_registered_ring_once_there_are_enough(
    cloud: LocalCloud, endpoint: Endpoint
) -> None:
    cloudwatch, names = cloud.root_session().client("cloudwatch"), {}
    namespace = f"Edgeline/{endpoint.name}"
    for metric, registered in (("EmptyAnswers", 0.1), ("Score", 0.9)):
        names[metric] = unique(metric)
        stats = [("value", metric, "Average"), ("requests", "EmptyAnswers", "SampleCount")]
        queries: list[dict[str, Any]] = [
            {
                "Id": key,
                "MetricStat": {
                    "Metric": {"Namespace": namespace, "MetricName": of_metric},
                    "Period": PERIOD,
                    "Stat": stat,
                },
                "ReturnData": False,
            }
            for key, of_metric, stat in stats
        ]
        drift = f"IF(requests >= 20, ABS(value - {registered}), 0)"
        queries.append({"Id": "drift", "Expression": drift, "ReturnData": True})
        cloudwatch.put_metric_alarm(**rule(names[metric], Threshold=0.25, Metrics=queries))
    endpoint.ask("0.9", 20)
    endpoint.ask("none", 2)
    time.sleep(3)
    assert [state(cloud, name) for name in names.values()] == ["OK", "OK"]
    endpoint.ask("none", 20)
    comes_to(cloud, names["EmptyAnswers"], "ALARM")
    assert state(cloud, names["Score"]) == "OK"
    endpoint.ask("0.3", 40)
    comes_to(cloud, names["Score"], "ALARM")
    comes_to(cloud, names["EmptyAnswers"], "OK")
    comes_to(cloud, names["Score"], "OK")


def picture(brightness: int) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (64, 32), (brightness,) * 3).save(written, "PNG")
    return written.getvalue()


def test_what_the_detector_answers_is_counted_as_the_evaluation_counts_it(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    write_tiny_model(tmp_path / "model.onnx")
    pack_serving_code(tmp_path, serving=DETECTION)
    monitoring = monitoring_of(cloud)
    assert monitoring is not None
    with served(cloud, tmp_path, 1) as detector:
        runtime = cloud.root_session().client("sagemaker-runtime")
        # Found, found though the caller wants less, not found though the caller wants everything, refused.
        for body, attributes in (
            (picture(204), "trace=1"),
            (picture(102), "min_score=0.9"),
            (picture(40), "min_score=0.01"),
        ):
            runtime.invoke_endpoint(
                EndpointName=detector.name, Body=body, ContentType="image/png", CustomAttributes=attributes
            )
        with pytest.raises(ClientError, match="bad picture"):
            runtime.invoke_endpoint(EndpointName=detector.name, Body=b"text", ContentType="image/png")
        namespace = f"Edgeline/{detector.name}"
        eventually(lambda: monitoring.statistic(namespace, "EmptyAnswers", {}, "SampleCount", 60) == 3)
        assert monitoring.statistic(namespace, "EmptyAnswers", {}, "Sum", 60) == 1
        assert monitoring.statistic(namespace, "Score", {}, "SampleCount", 60) == 2
        mean = monitoring.statistic(namespace, "Score", {}, "Average", 60)
        assert mean == pytest.approx((204 + 102) / 2 / 255, abs=0.001)


def test_the_metrics_of_invocations_can_be_read(cloud: LocalCloud, endpoint: Endpoint) -> None:
    monitoring = monitoring_of(cloud)
    assert monitoring is not None
    count = ("AWS/SageMaker", "Invocations", endpoint.dimensions, "Sum")
    before = monitoring.statistic(*count, seconds=600) or 0
    endpoint.ask("0.9", 4)
    assert (monitoring.statistic(*count, seconds=600) or 0) - before == 4
    share = ("AWS/SageMaker", "InvocationsPerInstance", endpoint.dimensions, "Average")
    assert monitoring.statistic(*share, seconds=600) == 0.5
    cloudwatch, now = cloud.root_session().client("cloudwatch"), datetime.now(UTC)
    stat = {
        "Metric": {
            key: value for key, value in of(*count[:2], **endpoint.dimensions).items() if key != "Period"
        },
        "Period": 60,
        "Stat": "Sum",
    }
    found = cloudwatch.get_metric_data(
        MetricDataQueries=[
            {"Id": "n", "MetricStat": stat},
            {"Id": "twice", "Expression": "n * 2"},
        ],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=1),
    )["MetricDataResults"]
    sums = {each["Id"]: sum(each["Values"]) for each in found}
    assert sums["n"] >= 4
    assert sums["twice"] == 2 * sums["n"]
    names = {m["MetricName"] for m in cloudwatch.list_metrics(Namespace="AWS/SageMaker")["Metrics"]}
    assert {"Invocations", "Invocation4XXErrors", "ModelLatency", "OverheadLatency"} <= names


def key(cloud: LocalCloud, *statements: dict[str, Any]) -> str:
    root = {"AWS": f"arn:aws:iam::{cloud.account}:root"}
    own = {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [own, *statements]})
    arn: str = cloud.root_session().client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
    return arn


def ring(cloud: LocalCloud, *topics: str) -> str:
    """Make an alarm that tells the topics, and let it ring at once."""
    cloudwatch, name = cloud.root_session().client("cloudwatch"), unique("drill")
    cloudwatch.put_metric_alarm(**rule(name, AlarmActions=list(topics)), **of("Drill", name), Statistic="Sum")
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a drill")
    return name


def acted(cloud: LocalCloud, name: str) -> dict[str, Any]:
    """What became of the one action of an alarm."""
    cloudwatch = cloud.root_session().client("cloudwatch")

    def look() -> Any:
        return cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="Action")[
            "AlarmHistoryItems"
        ]

    (item,) = eventually(look)
    found: dict[str, Any] = json.loads(item["HistoryData"])
    assert item["HistorySummary"].endswith(found["notificationResource"])
    return found


def test_an_encrypted_topic_is_told_only_where_its_key_lets_cloudwatch_use_it(cloud: LocalCloud) -> None:
    mail = mailbox(cloud)
    closed = topic(cloud, mail, KmsMasterKeyId=key(cloud))
    managed = topic(cloud, mail, KmsMasterKeyId="alias/aws/sns")
    for refused in (closed, managed):
        found = acted(cloud, ring(cloud, refused))
        assert (found["actionState"], found["notificationResource"]) == ("Failed", refused)
        assert "does not have authorization to access the SNS topic encryption key" in found["error"]
    principal = {"Service": "cloudwatch.amazonaws.com"}
    used = {"Effect": "Allow", "Principal": principal, "Action": ["kms:Decrypt", "kms:GenerateDataKey*"]}
    opened = topic(cloud, mail, KmsMasterKeyId=key(cloud, {**used, "Resource": "*"}))
    name = ring(cloud, opened)
    assert acted(cloud, name)["actionState"] == "Succeeded"
    assert mail.next()["Subject"] == f'ALARM: "{name}" in {cloud.region}'


def test_a_topic_s_policy_decides_whose_alarms_it_takes(cloud: LocalCloud) -> None:
    mail, sns = mailbox(cloud), cloud.root_session().client("sns")
    told = topic(cloud, mail)
    alarms = f"arn:aws:cloudwatch:{cloud.region}:{cloud.account}:alarm:"

    def let_in(source: str) -> None:
        statement = {
            "Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Resource": told,
            "Action": "sns:Publish", "Condition": {"ArnLike": {"aws:SourceArn": alarms + source}},
        }  # fmt: skip
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sns.set_topic_attributes(TopicArn=told, AttributeName="Policy", AttributeValue=policy)

    let_in("another-*")
    refused = acted(cloud, ring(cloud, told))
    assert refused["actionState"] == "Failed"
    assert "is not authorized to perform: SNS:Publish on resource" in refused["error"]
    let_in("drill-*")
    assert acted(cloud, ring(cloud, told))["actionState"] == "Succeeded"


def test_a_role_may_put_its_alarms_and_no_others(cloud: LocalCloud) -> None:
    alarms = f"arn:aws:cloudwatch:{cloud.region}:{cloud.account}:alarm:"
    mine = {"Effect": "Allow", "Action": "cloudwatch:*", "Resource": alarms + "mine-*"}
    arn = role(cloud, "lambda.amazonaws.com", mine)
    session = cloud.session(cloud.service_credentials(arn, "lambda.amazonaws.com", "call"))
    cloudwatch, name = session.client("cloudwatch"), unique("mine")
    cloudwatch.put_metric_alarm(**rule(name), **of("N", "m"), Statistic="Sum")
    for refused in (
        lambda: cloudwatch.put_metric_alarm(**rule("others"), **of("N", "m"), Statistic="Sum"),
        lambda: cloudwatch.describe_alarms(AlarmNames=[name]),
        lambda: cloudwatch.put_metric_data(Namespace="N", MetricData=[{"MetricName": "m", "Value": 1}]),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            refused()
    cloudwatch.delete_alarms(AlarmNames=[name])


def test_accounts_have_their_own_metrics_alarms_and_log_groups(cloud: LocalCloud) -> None:
    other = next(seen for number, seen in cloud.accounts.items() if number != cloud.account)
    name = unique("apart")
    for seen in (cloud, other):
        session = seen.root_session()
        session.client("logs").create_log_group(logGroupName=name)
        session.client("logs").create_log_stream(logGroupName=name, logStreamName="s")
        made = {"metricName": "lines", "metricNamespace": name, "metricValue": "1"}
        session.client("logs").put_metric_filter(
            logGroupName=name, filterName=name, filterPattern="", metricTransformations=[made]
        )
        session.client("cloudwatch").put_metric_alarm(**rule(name), **of(name, "lines"), Statistic="Sum")
    event = {"timestamp": int(time.time() * 1000), "message": "a line"}
    other.root_session().client("logs").put_log_events(
        logGroupName=name, logStreamName="s", logEvents=[event]
    )
    comes_to(other, name, "ALARM")
    assert state(cloud, name) != "ALARM"
    counted = [monitoring_of(seen) for seen in (cloud, other)]
    found = [m.statistic(name, "lines", {}, "Sum", 60) for m in counted if m]
    assert found == [None, 1]
    described = other.root_session().client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert f":{other.account}:alarm:" in described[0]["AlarmArn"]


def test_a_function_s_failures_are_metrics_too(cloud: LocalCloud) -> None:
    name, code = unique("fails"), io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("code.py", "def handler(event, context):\n    raise ValueError('planted')\n")
    functions = cloud.root_session().client("lambda")
    own = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
    functions.create_function(
        FunctionName=name, Runtime="python3.11", Handler="code.handler",
        Role=role(cloud, "lambda.amazonaws.com", own), Code={"ZipFile": code.getvalue()},
    )  # fmt: skip
    alarm = rule(name) | of("AWS/Lambda", "Errors", FunctionName=name)
    cloud.root_session().client("cloudwatch").put_metric_alarm(**alarm, Statistic="Sum")
    functions.invoke(FunctionName=name)
    comes_to(cloud, name, "ALARM")


def test_a_metric_filter_that_would_not_count_is_refused(cloud: LocalCloud) -> None:
    logs, name = cloud.root_session().client("logs"), unique("group")
    logs.create_log_group(logGroupName=name)
    made = {"metricName": "m", "metricNamespace": "N", "metricValue": "1"}
    with pytest.raises(ClientError, match=r"InvalidParameterException.*no regular expressions"):
        logs.put_metric_filter(
            logGroupName=name, filterName="f", filterPattern="%a+%", metricTransformations=[made]
        )


def test_what_is_not_served_is_refused_by_name(cloud: LocalCloud) -> None:
    cloudwatch = cloud.root_session().client("cloudwatch")
    with pytest.raises(ClientError, match="PutCompositeAlarm is not served by the local cloud"):
        cloudwatch.put_composite_alarm(AlarmName="a", AlarmRule="ALARM(b)")
    queries = [{"Id": "e", "Expression": "SEARCH(m1)"}]
    with pytest.raises(ClientError, match="SEARCH of 1 is not served by the local CloudWatch"):
        cloudwatch.put_metric_alarm(**rule("a", Metrics=queries))


def alarm_template(name: str, threshold: str) -> dict[str, Any]:
    """Metric filter and alarm as CloudFormation has them, numbers as texts."""
    counted = {"MetricName": "lines", "MetricNamespace": name, "MetricValue": "$count"}
    filtered = {"LogGroupName": {"Ref": "Group"}, "FilterPattern": "[..., count]"}
    metric = {"Metric": {"Namespace": name, "MetricName": "lines"}, "Period": "60", "Stat": "Sum"}
    queries = [
        {"Id": "n", "MetricStat": metric, "ReturnData": "false"},
        {"Id": "twice", "Expression": "n * 2"},
    ]
    rule = {"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": "1", "Threshold": threshold}
    return {
        "Resources": {
            "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name}},
            "Filter": {
                "Type": "AWS::Logs::MetricFilter",
                "Properties": {**filtered, "MetricTransformations": [counted]},
            },
            "Alarm": {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {"AlarmName": name, "Metrics": queries, "ActionsEnabled": "false", **rule},
            },
        },
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Alarm", "Arn"]}}},
    }


def test_a_template_s_alarm_and_filter_work_change_and_go(cloud: LocalCloud, tmp_path: Path) -> None:
    name, cloudwatch = unique("template"), cloud.root_session().client("cloudwatch")

    def deployed(threshold: str) -> dict[str, str]:
        folder = tmp_path / threshold
        write_assembly(folder, {name: alarm_template(name, threshold)})
        return deploy(folder, cloud)[name]

    assert deployed("9.5")["Arn"].endswith(f":alarm:{name}")
    logs = cloud.root_session().client("logs")
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    event = {"timestamp": int(time.time() * 1000), "message": "lines 5"}
    logs.put_log_events(logGroupName=name, logStreamName="s", logEvents=[event])
    comes_to(cloud, name, "ALARM")
    deployed("10.5")
    comes_to(cloud, name, "OK")
    cloud.root_session().client("cloudformation").delete_stack(StackName=name)
    eventually(lambda: not cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"])
