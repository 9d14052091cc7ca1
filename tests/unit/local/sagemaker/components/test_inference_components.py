from __future__ import annotations

import json
import os
import signal
import threading
import uuid
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.monitoring import monitoring_of

_SAYS = """
import json

def model_fn(model_dir):
    return "{word}"

def input_fn(body, content_type):
    return bytes(body).decode()

def predict_fn(text, model):
    return model

def output_fn(prediction, accept):
    return json.dumps(prediction), "application/json"
"""
_BROKEN = "raise RuntimeError('no such opset')"
_NEEDS = {"MinMemoryRequiredInMb": 256, "NumberOfCpuCoresRequired": 0.5}


class Hall:
    """An endpoint that hosts components, and what one test makes on it."""

    def __init__(self, lab: Any) -> None:
        self.lab, self.sm = lab, lab.sm
        # The alarms of an update are read with the endpoint's role.
        data = lab.allow("s3:*", f"arn:aws:s3:::{lab.name}", f"arn:aws:s3:::{lab.name}/*")
        self.role = lab.role(data, lab.allow("cloudwatch:DescribeAlarms", "*"))
        self.endpoint = f"hall-{uuid.uuid4().hex[:8]}"
        self.config = self.make_config()
        lab.sm.create_endpoint(EndpointName=self.endpoint, EndpointConfigName=self.config)
        lab.settled(self.endpoint)

    def make_config(self, **variant: Any) -> str:
        name = f"config-{uuid.uuid4().hex[:8]}"
        settings = {
            "VariantName": "AllTraffic",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
            "ManagedInstanceScaling": {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 3},
            "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
            **variant,
        }
        self.sm.create_endpoint_config(
            EndpointConfigName=name,
            ExecutionRoleArn=self.role,
            ProductionVariants=[{key: value for key, value in settings.items() if value is not None}],
        )
        return name

    def model(self, word: str) -> str:
        code = _BROKEN if word == "broken" else _SAYS.format(word=word)
        model: str = self.lab.model(code, self.role)
        return model

    def component(self, word: str = "one", copies: int = 1) -> str:
        name = f"Component-{uuid.uuid4().hex[:8]}"
        self.sm.create_inference_component(
            InferenceComponentName=name,
            EndpointName=self.endpoint,
            VariantName="AllTraffic",
            Specification={"ModelName": self.model(word), "ComputeResourceRequirements": _NEEDS},
            RuntimeConfig={"CopyCount": copies},
            Tags=[{"Key": "model", "Value": word}],
        )
        self.settled(name)
        return name

    def update(self, name: str, word: str, alarm: str | None = None, **policy: Any) -> dict[str, Any]:
        rolling = {
            "MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1},
            "WaitIntervalInSeconds": 0,
            **policy,
        }
        deployment: dict[str, Any] = {"RollingUpdatePolicy": rolling}
        if alarm:
            deployment["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": alarm}]}
        self.sm.update_inference_component(
            InferenceComponentName=name,
            Specification={"ModelName": self.model(word), "ComputeResourceRequirements": _NEEDS},
            DeploymentConfig=deployment,
        )
        return self.settled(name)

    def scale(self, name: str, copies: int) -> dict[str, Any]:
        self.sm.update_inference_component_runtime_config(
            InferenceComponentName=name, DesiredRuntimeConfig={"CopyCount": copies}
        )
        return self.settled(name)

    def settled(self, name: str) -> dict[str, Any]:
        def look() -> Any:
            found = self.sm.describe_inference_component(InferenceComponentName=name)
            return found if found["InferenceComponentStatus"] in ("InService", "Failed") else None

        described: dict[str, Any] = self.lab.until(look)
        return described

    def ask(self, name: str | None, **more: Any) -> str:
        named = {"InferenceComponentName": name} if name else {}
        answer = self.lab.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=self.endpoint, Body=b"x", ContentType="text/plain", **named, **more
        )
        return str(answer["Body"].read().decode())

    def copies(self, name: str) -> Any:
        return self.lab.plugin.components.copies(name)

    def close(self) -> None:
        listed = self.sm.list_inference_components(EndpointNameEquals=self.endpoint)
        for component in listed["InferenceComponents"]:
            name = component["InferenceComponentName"]
            self.settled(name)
            self.sm.delete_inference_component(InferenceComponentName=name)
        self.lab.until(lambda: not self.lab.plugin.components.of(self.endpoint))
        self.sm.delete_endpoint(EndpointName=self.endpoint)


@pytest.fixture
def hall(lab: Any) -> Any:
    made = Hall(lab)
    yield made
    made.close()


def test_a_component_answers_by_its_name_from_as_many_copies_as_asked_for(hall: Hall) -> None:
    name = hall.component("one", copies=2)
    described = hall.sm.describe_inference_component(InferenceComponentName=name)
    assert described["InferenceComponentStatus"] == "InService"
    assert described["RuntimeConfig"] == {"DesiredCopyCount": 2, "CurrentCopyCount": 2}
    assert described["InferenceComponentArn"].endswith(f":inference-component/{name}")  # its case is kept
    assert described["Specification"]["ComputeResourceRequirements"] == _NEEDS
    pids = {copy.instance.pid for copy in hall.copies(name).all}
    assert len(pids) == 2
    for pid in pids:
        os.kill(pid, 0)
    assert hall.ask(name) == '"one"'
    variant = hall.sm.describe_endpoint(EndpointName=hall.endpoint)["ProductionVariants"][0]
    assert (variant["CurrentInstanceCount"], variant["ManagedInstanceScaling"]["MinInstanceCount"]) == (2, 0)
    tags = hall.sm.list_tags(ResourceArn=described["InferenceComponentArn"])["Tags"]
    assert tags == [{"Key": "model", "Value": "one"}]


def test_two_components_share_an_endpoint(hall: Hall) -> None:
    one, two = hall.component("one"), hall.component("two")
    assert (hall.ask(one), hall.ask(two)) == ('"one"', '"two"')
    listed = hall.sm.list_inference_components(
        EndpointNameEquals=hall.endpoint, SortBy="CreationTime", SortOrder="Ascending"
    )
    assert [found["InferenceComponentName"] for found in listed["InferenceComponents"]] == [one, two]


def test_a_request_must_name_a_component_of_the_endpoint(hall: Hall) -> None:
    hall.component("one")
    with pytest.raises(ClientError, match="Inference Component Name header is required") as missing:
        hall.ask(None)
    assert missing.value.response["Error"]["Code"] == "ValidationError"
    with pytest.raises(ClientError, match=r"Inference Component nobody of account \d+ not found"):
        hall.ask("nobody")


def test_a_component_at_zero_copies_has_no_capacity_and_the_failure_is_counted(hall: Hall) -> None:
    name = hall.component("one")
    pid = hall.copies(name).all[0].instance.pid
    described = hall.scale(name, 0)
    assert described["RuntimeConfig"] == {"DesiredCopyCount": 0, "CurrentCopyCount": 0}
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    variant = hall.sm.describe_endpoint(EndpointName=hall.endpoint)["ProductionVariants"][0]
    assert variant["CurrentInstanceCount"] == 0
    with pytest.raises(ClientError, match="has no capacity to process this request") as refused:
        hall.ask(name)
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    monitoring = monitoring_of(hall.lab.cloud)
    assert monitoring is not None
    dimensions = {"InferenceComponentName": name}
    counted = monitoring.statistic("AWS/SageMaker", "NoCapacityInvocationFailures", dimensions, "Sum", 60)
    assert counted == 1
    assert hall.scale(name, 1)["RuntimeConfig"]["CurrentCopyCount"] == 1
    assert hall.ask(name) == '"one"'


def test_an_update_exchanges_copy_by_copy_and_no_request_fails(hall: Hall) -> None:
    name = hall.component("one", copies=2)
    answers: Counter[str] = Counter()
    failures: list[Exception] = []
    least, done = [9], threading.Event()

    def keep_asking() -> None:
        while not done.is_set():
            try:
                answers[hall.ask(name)] += 1
            except ClientError as error:
                failures.append(error)
            least[0] = min(least[0], hall.copies(name).count)

    threads = [threading.Thread(target=keep_asking) for _ in range(2)]
    for thread in threads:
        thread.start()
    described = hall.update(name, "two", WaitIntervalInSeconds=1)
    done.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert least[0] == 2
    assert answers['"one"'] > 0
    assert answers['"two"'] > 0
    assert hall.ask(name) == '"two"'
    assert "FailureReason" not in described
    assert described["LastDeploymentConfig"]["RollingUpdatePolicy"]["WaitIntervalInSeconds"] == 1


def test_copies_that_do_not_come_up_leave_the_old_ones(hall: Hall) -> None:
    name = hall.component("one", copies=2)
    pids = {copy.instance.pid for copy in hall.copies(name).all}
    described = hall.update(name, "broken")
    assert described["InferenceComponentStatus"] == "InService"
    assert "no such opset" in described["FailureReason"]
    assert {copy.instance.pid for copy in hall.copies(name).all} == pids
    assert hall.ask(name) == '"one"'


def test_an_alarm_takes_every_copy_back(hall: Hall) -> None:
    name, alarm = hall.component("one", copies=2), f"alarm-{uuid.uuid4().hex[:8]}"
    cloudwatch = hall.lab.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=alarm, Namespace="Test", MetricName=alarm, Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=0, ComparisonOperator="GreaterThanThreshold", TreatMissingData="notBreaching",
    )  # fmt: skip
    ringer = threading.Thread(
        target=lambda: (
            hall.lab.until(lambda: hall.ask(name) == '"two"')
            and cloudwatch.put_metric_data(Namespace="Test", MetricData=[{"MetricName": alarm, "Value": 1.0}])
        )
    )
    ringer.start()
    described = hall.update(name, "two", alarm, WaitIntervalInSeconds=30)
    ringer.join()
    assert described["InferenceComponentStatus"] == "InService"
    assert alarm in described["FailureReason"]
    assert described["RuntimeConfig"] == {"DesiredCopyCount": 2, "CurrentCopyCount": 2}
    assert {hall.ask(name) for _ in range(10)} == {'"one"'}
    # The next one looks before it begins.
    assert alarm in hall.update(name, "two", alarm)["FailureReason"]
    cloudwatch.delete_alarms(AlarmNames=[alarm])


def test_an_update_whose_alarms_its_role_cannot_read_ends_where_it_began(hall: Hall) -> None:
    name = hall.component("one")
    stranger = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    hall.lab.client("iam").update_assume_role_policy(
        RoleName=hall.role.rpartition("/")[2],
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [stranger]}),
    )
    described = hall.update(name, "two", "alarm")
    assert described["InferenceComponentStatus"] == "InService"
    assert "does not trust it" in described["FailureReason"]
    assert hall.ask(name) == '"one"'


def test_an_update_can_change_the_number_of_copies(hall: Hall) -> None:
    name = hall.component("one")
    hall.sm.update_inference_component(InferenceComponentName=name, RuntimeConfig={"CopyCount": 3})
    assert hall.settled(name)["RuntimeConfig"] == {"DesiredCopyCount": 3, "CurrentCopyCount": 3}


def test_a_dead_copy_is_started_again(hall: Hall) -> None:
    name = hall.component("one")
    copy = hall.copies(name).all[0].instance
    before = copy.pid
    os.kill(before, signal.SIGKILL)
    hall.lab.until(lambda: copy.alive and copy.pid != before)
    assert hall.ask(name) == '"one"'


def test_a_model_that_does_not_load_fails_the_component(hall: Hall) -> None:
    name = hall.component("broken")
    described = hall.sm.describe_inference_component(InferenceComponentName=name)
    assert described["InferenceComponentStatus"] == "Failed"
    assert "no such opset" in described["FailureReason"]
    with pytest.raises(ClientError, match="has no capacity"):
        hall.ask(name)


def test_an_endpoint_that_hosts_components_stays(hall: Hall) -> None:
    name = hall.component("one")
    with pytest.raises(ClientError, match=f"hosts inference components: delete {name} first"):
        hall.sm.delete_endpoint(EndpointName=hall.endpoint)
    other = hall.lab.config(hall.model("one"), InstanceType="ml.m5.large", InitialInstanceCount=1)
    with pytest.raises(ClientError, match="host inference components"):
        hall.sm.update_endpoint(EndpointName=hall.endpoint, EndpointConfigName=other)
    # More room, the same variant: the copies are not touched.
    pid = hall.copies(name).all[0].instance.pid
    hall.sm.update_endpoint(EndpointName=hall.endpoint, EndpointConfigName=hall.make_config())
    hall.lab.settled(hall.endpoint)
    assert hall.copies(name).all[0].instance.pid == pid
    assert hall.ask(name) == '"one"'


def test_what_aws_or_this_machine_does_not_take_is_refused(hall: Hall) -> None:
    name = hall.component("one", copies=2)
    specification = {"ModelName": hall.model("two"), "ComputeResourceRequirements": _NEEDS}
    asked = {"EndpointName": hall.endpoint, "VariantName": "AllTraffic", "RuntimeConfig": {"CopyCount": 1}}
    create, update = hall.sm.create_inference_component, hall.sm.update_inference_component
    with pytest.raises(ClientError, match="already existing inference component"):
        create(InferenceComponentName=name, Specification=specification, **asked)
    with pytest.raises(ClientError, match="VariantName must be one of"):
        create(InferenceComponentName="a", Specification=specification, **{**asked, "VariantName": "B"})
    container = {"Container": {"Image": "image"}, "ComputeResourceRequirements": _NEEDS}
    with pytest.raises(ClientError, match="does not serve CreateInferenceComponent with Container"):
        create(InferenceComponentName="a", Specification=container, **asked)
    size = {"Type": "COPY_COUNT", "Value": 2}
    with pytest.raises(ClientError, match="must be between 5% and 50%"):
        update(
            InferenceComponentName=name,
            Specification=specification,
            DeploymentConfig={"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": 0}},
        )
    with pytest.raises(ClientError, match="Could not find inference component"):
        update(InferenceComponentName="nobody", Specification=specification)
    scaling = {"Status": "ENABLED", "MinInstanceCount": 2, "MaxInstanceCount": 3}
    with pytest.raises(ClientError, match="InitialInstanceCount 1 must be between"):
        hall.make_config(ManagedInstanceScaling=scaling)
    with pytest.raises(ClientError, match="neither ModelName nor InstanceType"):
        hall.make_config(InstanceType=None)


def test_an_endpoint_with_a_model_takes_no_components(lab: Any) -> None:
    model = lab.model(_SAYS.format(word="one"), lab.role())
    endpoint, _ = lab.endpoint(lab.config(model))
    with pytest.raises(ClientError, match="header is not allowed"):
        lab.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=endpoint, Body=b"x", InferenceComponentName="component"
        )
    with pytest.raises(ClientError, match="hosts models, not inference components"):
        lab.sm.create_inference_component(
            InferenceComponentName="a", EndpointName=endpoint, VariantName="all",
            Specification={"ModelName": model, "ComputeResourceRequirements": _NEEDS},
            RuntimeConfig={"CopyCount": 1},
        )  # fmt: skip
    lab.sm.delete_endpoint(EndpointName=endpoint)
