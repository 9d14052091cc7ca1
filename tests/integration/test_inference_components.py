"""Inference components under load, with faults, with the alarms and the code of a promotion."""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError
from load import Load, callers_of
from speaking_endpoint import NEEDS, Speaking
from waiting import eventually

from local.cloud.server import LocalCloud
from local.sagemaker.plugin import SageMakerPlugin


@pytest.fixture
def hosting(cloud: LocalCloud) -> Iterator[Speaking]:
    made = Speaking(cloud)
    made.start()
    yield made
    made.delete()


@contextmanager
def _load(endpoint: Speaking, callers: int = 4) -> Iterator[Load]:
    session, name = endpoint.cloud.root_session(), endpoint.name
    with callers_of(session, name, component=name, callers=callers, pause_seconds=0.1) as load:
        yield load


def _words(load: Load) -> Counter[str]:
    """Count the answers so far, each of which is a word."""
    return Counter(load.answers)


def _why_it_was_rolled_back(hosting: Speaking, alarm: str) -> str | None:
    """Set the alarm off, which its metric ends within a second: on a busy machine before anybody looked."""
    hosting.client("cloudwatch").set_alarm_state(
        AlarmName=alarm, StateValue="ALARM", StateReason="a person says so"
    )
    described = hosting.sm.describe_inference_component(InferenceComponentName=hosting.name)
    return described.get("FailureReason") if described["InferenceComponentStatus"] == "InService" else None


def _begin_update(endpoint: Speaking, word: str, *alarms: str, wait: int, batch: int = 50) -> None:
    size = {"Type": "CAPACITY_PERCENT", "Value": batch}
    config: dict[str, Any] = {
        "RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": wait}
    }
    if alarms:
        config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": alarm} for alarm in alarms]}
    endpoint.sm.update_inference_component(
        InferenceComponentName=endpoint.name,
        Specification={"ModelName": endpoint.model(word), "ComputeResourceRequirements": NEEDS},
        DeploymentConfig=config,
    )


def _alarm(endpoint: Speaking, metric: str) -> str:
    """Put an alarm on a metric of the component, as a promotion does."""
    name = f"{endpoint.name}-{uuid.uuid4().hex[:6]}"
    endpoint.client("cloudwatch").put_metric_alarm(
        AlarmName=name, Namespace="AWS/SageMaker", MetricName=metric, Statistic="Average", Period=60,
        Dimensions=[{"Name": "InferenceComponentName", "Value": endpoint.name}], EvaluationPeriods=1,
        Threshold=0.01, ComparisonOperator="GreaterThanThreshold", TreatMissingData="notBreaching",
    )  # fmt: skip
    return name


def _pids(endpoint: Speaking) -> set[int]:
    copies = endpoint.cloud.plugin(SageMakerPlugin).components.copies(endpoint.name)
    return {copy.instance.pid for copy in copies.all}


def test_a_release_rolls_under_load_and_no_request_fails(hosting: Speaking) -> None:
    hosting.add_component("one", copies=2)
    with _load(hosting) as load:
        eventually(lambda: _words(load)["one"] > 20)
        _begin_update(hosting, "two", wait=1)
        both = _words(load)
        eventually(lambda: _words(load)["two"] > both["two"])
        both = _words(load)
        eventually(lambda: _words(load)["one"] > both["one"])  # half of the copies: both answer
        assert "FailureReason" not in hosting.component()
        alone = _words(load)
        eventually(lambda: _words(load)["two"] > alone["two"] + 20)
    assert _words(load)["one"] == alone["one"]
    assert load.errors == []


def test_a_release_that_fails_its_requests_is_taken_back_by_its_alarm(hosting: Speaking) -> None:
    hosting.add_component("one", copies=2)
    alarm = _alarm(hosting, "Invocation5XXErrors")
    with _load(hosting) as load:
        eventually(lambda: _words(load)["one"] > 5)
        _begin_update(hosting, "nothing", alarm, wait=60)
        described = hosting.component()
        answered = _words(load)
        eventually(lambda: _words(load)["one"] > answered["one"] + 20)
    assert any("I say nothing" in failure for failure in load.errors)
    assert described["InferenceComponentStatus"] == "InService"
    assert alarm in described["FailureReason"]
    assert described["RuntimeConfig"] == {"DesiredCopyCount": 2, "CurrentCopyCount": 2}
    assert hosting.ask(hosting.name) == "one"
    hosting.client("cloudwatch").delete_alarms(AlarmNames=[alarm])


def test_a_new_copy_that_is_killed_ends_the_update_with_the_old_ones(hosting: Speaking) -> None:
    hosting.add_component("one", copies=2)
    before = _pids(hosting)
    _begin_update(hosting, "two", wait=60)
    (new,) = eventually(lambda: _pids(hosting) - before)
    os.kill(new, signal.SIGKILL)
    described = hosting.component()
    assert "ended by itself" in described["FailureReason"]
    assert described["RuntimeConfig"]["CurrentCopyCount"] == 2
    assert {hosting.ask(hosting.name) for _ in range(6)} == {"one"}


def test_an_old_copy_that_is_killed_does_not_stop_the_update(hosting: Speaking) -> None:
    hosting.add_component("one", copies=2)
    before = _pids(hosting)
    _begin_update(hosting, "two", wait=2)
    eventually(lambda: _pids(hosting) - before)
    eventually(lambda: len(_pids(hosting)) == 2)
    (old,) = before & _pids(hosting)
    os.kill(old, signal.SIGKILL)
    assert "FailureReason" not in hosting.component()
    assert {hosting.ask(hosting.name) for _ in range(6)} == {"two"}


def test_copies_come_and_go_under_load(hosting: Speaking) -> None:
    hosting.add_component("one")
    with _load(hosting) as load:
        for wanted in (3, 1, 2):
            hosting.sm.update_inference_component_runtime_config(
                InferenceComponentName=hosting.name, DesiredRuntimeConfig={"CopyCount": wanted}
            )
            assert hosting.component()["RuntimeConfig"]["CurrentCopyCount"] == wanted
    assert _words(load)["one"] > 0
    assert load.errors == []


def test_who_may_ask_the_endpoint_may_not_yet_ask_the_component(hosting: Speaking) -> None:
    hosting.add_component("one")
    iam, cloud = hosting.client("iam"), hosting.cloud
    endpoint = f"arn:aws:sagemaker:{cloud.region}:{cloud.account}:endpoint/{hosting.name}"
    component = f"arn:aws:sagemaker:{cloud.region}:{cloud.account}:inference-component/{hosting.name}"

    def asker(*arns: str) -> Any:
        statement = {"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint", "Resource": list(arns)}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        name = f"asker-{uuid.uuid4().hex[:8]}"
        arn = iam.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"]
        return cloud.session(cloud.user(name, [arn])).client("sagemaker-runtime")

    with pytest.raises(ClientError, match="inference-component"):
        hosting.ask(hosting.name, asker(endpoint))
    assert hosting.ask(hosting.name, asker(endpoint, component)) == "one"


def test_an_alarm_that_cannot_be_read_ends_the_update_before_it_begins(hosting: Speaking) -> None:
    hosting.add_component("one")
    _begin_update(hosting, "two", "no-such-alarm", wait=0)
    described = hosting.component()
    assert "no-such-alarm" in described["FailureReason"]
    assert hosting.ask(hosting.name) == "one"


@pytest.mark.acceptance
def test_fifty_requests_a_second_through_two_updates_and_a_roll_back(hosting: Speaking) -> None:
    hosting.add_component("one", copies=2)
    alarm = _alarm(hosting, "Invocation4XXErrors")
    with _load(hosting, callers=8) as load:
        for word in ("two", "three"):
            _begin_update(hosting, word, alarm, wait=10)
            assert "FailureReason" not in hosting.component()
        _begin_update(hosting, "four", alarm, wait=60)
        eventually(lambda: _words(load)["four"])
        assert alarm in eventually(lambda: _why_it_was_rolled_back(hosting, alarm))
    assert load.errors == []
    assert hosting.ask(hosting.name) == "three"
    assert _words(load).total() > 1000
    hosting.client("cloudwatch").delete_alarms(AlarmNames=[alarm])
