"""Inference components under load, with faults, with the alarms and the code of a promotion."""

from __future__ import annotations

import json
import os
import signal
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from speaking_endpoint import NEEDS, Speaking, until

from local.cloud.server import LocalCloud
from local.sagemaker.plugin import SageMakerPlugin

_ONCE = Config(retries={"max_attempts": 0}, max_pool_connections=32)
_PAUSE = 0.1


@pytest.fixture
def hosting(cloud: LocalCloud) -> Iterator[Speaking]:
    made = Speaking(cloud)
    made.start()
    yield made
    made.delete()


class Load:
    """Requests without pause, and without the client's retries; what was answered, what was not."""

    def __init__(self, endpoint: Speaking, askers: int) -> None:
        self.words: Counter[str] = Counter()
        self.failures: list[str] = []
        self._endpoint, self._done = endpoint, threading.Event()
        self._client = endpoint.cloud.root_session().client("sagemaker-runtime", config=_ONCE)
        self._threads = [threading.Thread(target=self._ask) for _ in range(askers)]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        while not self._done.wait(_PAUSE):
            try:
                self.words[self._endpoint.ask(self._endpoint.name, self._client)] += 1
            except ClientError as error:
                self.failures.append(str(error))

    def stop(self) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()


@contextmanager
def _load(endpoint: Speaking, askers: int = 4) -> Iterator[Load]:
    load = Load(endpoint, askers)
    try:
        yield load
    finally:
        load.stop()


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
        until(lambda: load.words["one"] > 20)
        _begin_update(hosting, "two", wait=1)
        both = Counter(load.words)
        until(lambda: load.words["two"] > both["two"])
        both = Counter(load.words)
        until(lambda: load.words["one"] > both["one"])  # half of the copies: both answer
        assert "FailureReason" not in hosting.component()
        alone = Counter(load.words)
        until(lambda: load.words["two"] > alone["two"] + 20)
    assert load.words["one"] == alone["one"]
    assert load.failures == []


def test_a_release_that_fails_its_requests_is_taken_back_by_its_alarm(hosting: Speaking) -> None:
    hosting.add_component("one", copies=2)
    alarm = _alarm(hosting, "Invocation5XXErrors")
    with _load(hosting) as load:
        until(lambda: load.words["one"] > 5)
        _begin_update(hosting, "nothing", alarm, wait=60)
        described = hosting.component()
        answered = Counter(load.words)
        until(lambda: load.words["one"] > answered["one"] + 20)
    assert any("I say nothing" in failure for failure in load.failures)
    assert described["InferenceComponentStatus"] == "InService"
    assert alarm in described["FailureReason"]
    assert described["RuntimeConfig"] == {"DesiredCopyCount": 2, "CurrentCopyCount": 2}
    assert hosting.ask(hosting.name) == "one"
    hosting.client("cloudwatch").delete_alarms(AlarmNames=[alarm])


def test_a_new_copy_that_is_killed_ends_the_update_with_the_old_ones(hosting: Speaking) -> None:
    hosting.add_component("one", copies=2)
    before = _pids(hosting)
    _begin_update(hosting, "two", wait=60)
    (new,) = until(lambda: _pids(hosting) - before)
    os.kill(new, signal.SIGKILL)
    described = hosting.component()
    assert "ended by itself" in described["FailureReason"]
    assert described["RuntimeConfig"]["CurrentCopyCount"] == 2
    assert {hosting.ask(hosting.name) for _ in range(6)} == {"one"}


def test_an_old_copy_that_is_killed_does_not_stop_the_update(hosting: Speaking) -> None:
    hosting.add_component("one", copies=2)
    before = _pids(hosting)
    _begin_update(hosting, "two", wait=2)
    until(lambda: _pids(hosting) - before)
    until(lambda: len(_pids(hosting)) == 2)
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
    assert load.words["one"] > 0
    assert load.failures == []


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
    with _load(hosting, askers=8) as load:
        for word in ("two", "three"):
            _begin_update(hosting, word, alarm, wait=10)
            assert "FailureReason" not in hosting.component()
        _begin_update(hosting, "four", alarm, wait=60)
        until(lambda: load.words["four"])
        hosting.client("cloudwatch").set_alarm_state(
            AlarmName=alarm, StateValue="ALARM", StateReason="a person says so"
        )
        assert alarm in hosting.component()["FailureReason"]
    assert load.failures == []
    assert hosting.ask(hosting.name) == "three"
    assert load.words.total() > 1000
    hosting.client("cloudwatch").delete_alarms(AlarmNames=[alarm])
