"""Updates of an endpoint with real servers, under a constant stream of requests: no request may fail."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from guarded_endpoint import BROKEN, GuardedEndpoint, canary, watched
from load import Load, requests_to
from waiting import eventually

from local.cloud.server import LocalCloud

pytestmark = pytest.mark.acceptance
RATE = 40
CALLERS = 32
ALL_AT_ONCE = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}


@pytest.fixture
def endpoint(cloud: LocalCloud) -> GuardedEndpoint:
    return GuardedEndpoint(cloud)


@pytest.fixture
def deployments(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The status messages of the deployments, as the events tell them."""
    seen: list[str] = []
    emit = cloud.emit

    def note(source: str, detail_type: str, detail: Any, resources: Any = ()) -> None:
        if detail_type == "SageMaker Endpoint Deployment State Change":
            pending = detail.get("PendingDeploymentSummary", detail)
            statuses = [v.get("VariantStatus", [{}])[0] for v in pending["ProductionVariants"]]
            seen.extend(s["StatusMessage"] for s in statuses if "StatusMessage" in s)
        emit(source, detail_type, detail, resources)

    monkeypatch.setattr(cloud, "emit", note)
    return seen


def test_a_canary_gets_its_share_and_then_the_rest(endpoint: GuardedEndpoint, deployments: list[str]) -> None:
    old, new = endpoint.config("old", 4), endpoint.config("new", 4)
    with endpoint.serving(old), requests_to(endpoint.session, endpoint.name, rate=RATE) as load:
        deployments.clear()
        endpoint.update(new, canary(1, wait=5, termination_wait=2))
        endpoint.wait_for("Baking", "canary capacity of 1 instance(s)")
        before = endpoint.counted()
        described = endpoint.described()
        endpoint.wait_for("Baking", "full capacity of 4 instance(s)")
        during = endpoint.counted() - before
        assert described["EndpointConfigName"] == old
        assert described["PendingDeploymentSummary"]["EndpointConfigName"] == new
        blue = endpoint.blue()
        assert all(instance.alive for instance in blue), "blue has to wait until it is terminated"
        assert endpoint.settled()["EndpointConfigName"] == new
        eventually(lambda: not any(instance.alive for instance in blue))
    assert load.errors == []
    # A quarter of some 200 requests: between 12 and 38 % but once in a hundred thousand runs.
    assert 0.12 < during["new"] / during.total() < 0.38, during
    part, all_of_it = "canary capacity of 1 instance(s).", "full capacity of 4 instance(s)."
    assert deployments == [
        "Launching 4 instance(s).",
        f"Activating traffic on {part}",
        f"Baking for 5 seconds (WaitIntervalInSeconds) with traffic enabled on {part}",
        f"Activating traffic on {all_of_it}",
        f"Baking for 2 seconds (TerminationWaitInSeconds) with traffic enabled on {all_of_it}",
    ]


def test_a_linear_update_shifts_more_with_each_step(endpoint: GuardedEndpoint) -> None:
    old, new = endpoint.config("old", 3), endpoint.config("new", 3)
    shares = []
    with endpoint.serving(old), requests_to(endpoint.session, endpoint.name, rate=RATE) as load:
        endpoint.update(new, canary(1, wait=4, kind="LINEAR"))
        for capacity in ("capacity of 1", "capacity of 2"):
            endpoint.wait_for("Baking", capacity)
            before = endpoint.counted()
            eventually(lambda before=before: (endpoint.counted() - before).total() > 100)  # type: ignore[misc]
            during = endpoint.counted() - before
            shares.append(during["new"] / during.total())
        assert endpoint.settled()["EndpointConfigName"] == new
    assert load.errors == []
    assert 0.1 < shares[0] < 0.55 < shares[1] < 0.9


def test_all_at_once_loses_no_request(endpoint: GuardedEndpoint) -> None:
    old, new = endpoint.config("old"), endpoint.config("new")
    with endpoint.serving(old), requests_to(endpoint.session, endpoint.name, rate=RATE) as load:
        for config in (new, old, new):
            endpoint.update(config, {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": ALL_AT_ONCE}})
            assert endpoint.settled()["EndpointConfigName"] == config
    assert load.errors == []
    assert set(load.answered_by("release")) == {"old", "new"}


def test_a_serverless_endpoint_switches_at_once_and_loses_no_request(endpoint: GuardedEndpoint) -> None:
    room = {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 100}}
    configs = []
    for release in ("old", "new"):
        variant = endpoint.variant(release, 1)
        kept = {name: variant[name] for name in ("VariantName", "ModelName")}
        configs.append(endpoint.config_of(release, [{**kept, **room}]))
    with endpoint.serving(configs[0]), requests_to(endpoint.session, endpoint.name, rate=RATE) as load:
        endpoint.update(configs[1])
        assert endpoint.settled()["EndpointConfigName"] == configs[1]
    assert load.errors == []


def test_a_rolling_update_exchanges_batch_by_batch(endpoint: GuardedEndpoint) -> None:
    old, new = endpoint.config("old"), endpoint.config("new")
    batch = {"Type": "INSTANCE_COUNT", "Value": 1}
    policy = {"MaximumBatchSize": batch, "WaitIntervalInSeconds": 2}
    with endpoint.serving(old), requests_to(endpoint.session, endpoint.name, rate=RATE) as load:
        endpoint.update(new, {"RollingUpdatePolicy": policy})
        endpoint.wait_for("Baking", "capacity of 1 instance(s)")
        assert (len(endpoint.blue()), len(endpoint.green())) == (2, 1)
        endpoint.wait_for("Baking", "capacity of 2 instance(s)")
        assert (len(endpoint.blue()), len(endpoint.green())) == (1, 2)
        assert endpoint.settled()["EndpointConfigName"] == new
    assert load.errors == []


@pytest.mark.parametrize("kind", ["CANARY", "ROLLING"])
def test_an_alarm_while_it_bakes_gives_the_traffic_back(endpoint: GuardedEndpoint, kind: str) -> None:
    old, new, alarm = endpoint.config("old"), endpoint.config("new"), endpoint.alarm("errors")
    batch = {"Type": "INSTANCE_COUNT", "Value": 1}
    rolling = {"RollingUpdatePolicy": {"MaximumBatchSize": batch, "WaitIntervalInSeconds": 600}}
    policy = canary(1, wait=600) if kind == "CANARY" else rolling
    with endpoint.serving(old), requests_to(endpoint.session, endpoint.name, rate=RATE) as load:
        endpoint.update(new, watched(policy, alarm))
        endpoint.wait_for("Baking", "capacity of 1 instance(s)")
        green = endpoint.green()
        eventually(lambda: endpoint.counted()["new"] > 5)
        endpoint.ring("errors")
        described = endpoint.settled()
        assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", old)
        assert alarm in described["FailureReason"]
        assert "PendingDeploymentSummary" not in described
        before = endpoint.counted()
        eventually(lambda: not any(instance.alive for instance in green))
        eventually(lambda: (endpoint.counted() - before).total() > 20)
        assert (endpoint.counted() - before)["new"] == 0
        assert len(endpoint.blue()) == 2
    assert load.errors == []


def test_an_alarm_brings_back_the_old_instances_that_a_rolling_update_has_ended(
    endpoint: GuardedEndpoint,
) -> None:
    old, new, alarm = endpoint.config("old"), endpoint.config("new"), endpoint.alarm("errors")
    batch = {"Type": "INSTANCE_COUNT", "Value": 1}
    rolling = {"RollingUpdatePolicy": {"MaximumBatchSize": batch, "WaitIntervalInSeconds": 5}}
    with endpoint.serving(old), requests_to(endpoint.session, endpoint.name, rate=RATE) as load:
        endpoint.update(new, watched(rolling, alarm))
        endpoint.wait_for("Baking", "capacity of 2 instance(s)")
        assert len(endpoint.blue()) == 1
        endpoint.ring("errors")
        described = endpoint.settled()
        assert described["EndpointConfigName"] == old
        assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert load.errors == []


def test_alarms_that_the_models_role_may_not_read_guard_nothing(cloud: LocalCloud) -> None:
    endpoint = GuardedEndpoint(cloud, may_read_alarms=False)
    old, new, alarm = endpoint.config("old"), endpoint.config("new"), endpoint.alarm("errors")
    with endpoint.serving(old):
        endpoint.update(new, watched(canary(1, wait=600), alarm))
        described = endpoint.settled()
        assert described["EndpointConfigName"] == old
        assert "cloudwatch:DescribeAlarms" in described["FailureReason"]


def test_a_killed_green_instance_leaves_blue_serving(endpoint: GuardedEndpoint) -> None:
    old, new = endpoint.config("old"), endpoint.config("new")
    with endpoint.serving(old), requests_to(endpoint.session, endpoint.name, rate=RATE) as load:
        endpoint.update(new, canary(1, wait=600))
        endpoint.wait_for("Baking", "canary")
        _kill(endpoint.green()[0])
        described = endpoint.settled()
        assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", old)
        assert "failed its health check" in described["FailureReason"]
        back = len(load.samples)
        eventually(lambda: len(load.samples) > back + 2 * RATE)
        assert [sample.answer for sample in load.samples[-RATE:]] == [{"release": "old"}] * RATE
    _lost_only_what_was_under_way(load)


def test_a_killed_blue_fleet_does_not_stop_an_update(endpoint: GuardedEndpoint) -> None:
    old, new = endpoint.config("old"), endpoint.config("new")
    with endpoint.serving(old), requests_to(endpoint.session, endpoint.name, rate=RATE) as load:
        endpoint.update(new, canary(1, wait=4))
        endpoint.wait_for("Baking", "canary")
        for instance in endpoint.blue():
            _kill(instance)
        assert endpoint.settled()["EndpointConfigName"] == new
    _lost_only_what_was_under_way(load)


def test_a_green_fleet_that_never_comes_up_gets_no_request(endpoint: GuardedEndpoint) -> None:
    old, new = endpoint.config("old"), endpoint.config("new", code=BROKEN)
    with endpoint.serving(old), requests_to(endpoint.session, endpoint.name, rate=RATE) as load:
        endpoint.update(new, canary(1, wait=1))
        described = endpoint.settled()
        assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", old)
        assert "no such opset" in described["FailureReason"]
    assert load.errors == []
    assert endpoint.counted()["new"] == 0


def test_weights_and_counts_change_while_requests_come(endpoint: GuardedEndpoint) -> None:
    first = endpoint.variant("first", 1)
    second = {**endpoint.variant("second", 1), "VariantName": "Second", "InitialVariantWeight": 0.0}
    config = endpoint.config_of("both", [first, second])
    with endpoint.serving(config), requests_to(endpoint.session, endpoint.name, rate=RATE) as load:
        eventually(lambda: len(load.samples) > 20)
        assert set(load.answered_by("release")) == {"first"}
        _change(endpoint, VariantName="AllTraffic", DesiredWeight=0.0)
        _change(endpoint, VariantName="Second", DesiredWeight=1.0, DesiredInstanceCount=3)
        switched = len(load.samples)
        eventually(lambda: len(load.samples) > switched + 3 * RATE)
        assert {sample.answer["release"] for sample in load.samples[-RATE:] if sample.answer} == {"second"}
        variants = {v["VariantName"]: v for v in endpoint.settled()["ProductionVariants"]}
        assert variants["Second"]["CurrentInstanceCount"] == 3
        _change(endpoint, VariantName="Second", DesiredInstanceCount=1)
        assert [v["CurrentInstanceCount"] for v in endpoint.settled()["ProductionVariants"]] == [1, 1]
    assert load.errors == []


def _change(endpoint: GuardedEndpoint, **change: Any) -> None:
    endpoint.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint.name, DesiredWeightsAndCapacities=[change]
    )
    endpoint.settled()


def _lost_only_what_was_under_way(load: Load) -> None:
    """What a killed process was answering cannot be answered: at most one request of each caller."""
    assert all("could not get a response" in error for error in load.errors)
    assert len(load.errors) <= CALLERS


def _kill(instance: Any) -> None:
    os.kill(instance.pid, signal.SIGKILL)
