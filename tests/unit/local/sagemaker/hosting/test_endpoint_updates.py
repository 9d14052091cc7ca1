from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.sagemaker.hosting.endpoints import Endpoints
from local.sagemaker.hosting.fleet import Fleet
from local.sagemaker.hosting.instance import UnhealthyError

CODE = """
import pathlib, time

def model_fn(model_dir):
    return "{word}"

def input_fn(body, content_type):
    return bytes(body).decode()

def predict_fn(text, model):
    gate = pathlib.Path(text) if text.startswith("/") else None
    if gate:
        gate.with_suffix(".asked").touch()
        while not gate.exists():
            time.sleep(0.02)
    return model

def output_fn(prediction, accept):
    return prediction, "text/plain"
"""


def _policy(kind: str = "CANARY", wait: int = 0, **more: Any) -> dict[str, Any]:
    size = {"CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1}} if kind == "CANARY" else {}
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **size}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, **more}}


def _config(lab: Any, word: str, role: str, count: int = 2, **more: Any) -> str:
    model = lab.model(CODE.format(word=word), role)
    config: str = lab.config(model, InstanceType="ml.m5.large", InitialInstanceCount=count, **more)
    return config


def _ask(lab: Any, name: str, body: bytes = b"x", **more: Any) -> str:
    client = lab.client("sagemaker-runtime")
    answer = client.invoke_endpoint(EndpointName=name, Body=body, ContentType="text/plain", **more)
    text: str = answer["Body"].read().decode()
    return text


@pytest.fixture
def endpoints(lab: Any) -> Endpoints:
    found: Endpoints = lab.plugin.endpoints
    return found


def test_an_update_under_way_describes_both_fleets_and_admits_no_other(lab: Any) -> None:
    role = lab.role()
    old, new = _config(lab, "old", role), _config(lab, "new", role)
    name, described = lab.endpoint(old)
    assert "PendingDeploymentSummary" not in described
    lab.sm.update_endpoint(EndpointName=name, EndpointConfigName=new, DeploymentConfig=_policy(wait=600))

    def baking() -> Any:
        summary = lab.sm.describe_endpoint(EndpointName=name).get("PendingDeploymentSummary")
        words = [
            s["Status"] for v in (summary or {}).get("ProductionVariants", []) for s in v["VariantStatus"]
        ]
        return summary if words == ["Baking"] else None

    summary = lab.until(baking)
    [variant] = summary["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 2)
    described = lab.sm.describe_endpoint(EndpointName=name)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("Updating", old)
    assert described["LastDeploymentConfig"] == _policy(wait=600)
    assert {_ask(lab, name) for _ in range(40)} == {"old", "new"}
    weights = [{"VariantName": "all", "DesiredWeight": 1.0}]
    for change in (
        lambda: lab.sm.update_endpoint(EndpointName=name, EndpointConfigName=new),
        lambda: lab.sm.update_endpoint_weights_and_capacities(
            EndpointName=name, DesiredWeightsAndCapacities=weights
        ),
    ):
        with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
            change()
    lab.sm.delete_endpoint(EndpointName=name)


def test_deleting_an_endpoint_in_the_middle_of_an_update_ends_both_fleets(
    lab: Any, endpoints: Endpoints
) -> None:
    role = lab.role()
    name, _ = lab.endpoint(_config(lab, "old", role))
    lab.sm.update_endpoint(
        EndpointName=name, EndpointConfigName=_config(lab, "new", role), DeploymentConfig=_policy(wait=600)
    )
    live = endpoints.live(name)
    assert live is not None
    lab.until(lambda: len(live.traffic.portions) == 2)
    instances = [i for portion in live.traffic.portions for v in portion.fleet.variants for i in v.instances]
    lab.sm.delete_endpoint(EndpointName=name)
    assert len(instances) == 4
    assert not any(instance.alive for instance in instances)


def test_retained_properties_outlive_the_new_configuration_but_for_those_excluded(lab: Any) -> None:
    role = lab.role()
    name, _ = lab.endpoint(_config(lab, "old", role, 1))
    changed = [{"VariantName": "all", "DesiredInstanceCount": 2, "DesiredWeight": 0.5}]
    lab.sm.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=changed)
    assert lab.settled(name)["ProductionVariants"][0]["CurrentInstanceCount"] == 2

    lab.sm.update_endpoint(
        EndpointName=name, EndpointConfigName=_config(lab, "new", role, 1), RetainAllVariantProperties=True
    )
    [variant] = lab.settled(name)["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["CurrentWeight"]) == (2, 0.5)
    assert _ask(lab, name) == "new"

    lab.sm.update_endpoint(
        EndpointName=name,
        EndpointConfigName=_config(lab, "newer", role, 1),
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredInstanceCount"}],
    )
    [variant] = lab.settled(name)["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["CurrentWeight"]) == (1, 0.5)
    lab.sm.delete_endpoint(EndpointName=name)


def test_a_deployment_config_of_the_creation_is_used_again_where_it_is_retained(
    lab: Any, events: list[dict[str, Any]]
) -> None:
    role, name = lab.role(), f"{lab.name}-kept"
    lab.sm.create_endpoint(
        EndpointName=name, EndpointConfigName=_config(lab, "old", role), DeploymentConfig=_policy()
    )
    lab.settled(name)
    lab.sm.update_endpoint(
        EndpointName=name, EndpointConfigName=_config(lab, "new", role), RetainDeploymentConfig=True
    )
    lab.settled(name)
    messages = [
        status["StatusMessage"]
        for event in events
        if event["detail-type"] == "SageMaker Endpoint Deployment State Change"
        for variant in event["detail"].get("PendingDeploymentSummary", {}).get("ProductionVariants", [])
        for status in variant.get("VariantStatus", [])
    ]
    assert "Activating traffic on canary capacity of 1 instance(s)." in messages
    with pytest.raises(ClientError, match="both DeploymentConfig and RetainDeploymentConfig"):
        lab.sm.update_endpoint(
            EndpointName=name, EndpointConfigName=_config(lab, "newer", role),
            DeploymentConfig=_policy(), RetainDeploymentConfig=True,
        )  # fmt: skip
    lab.sm.delete_endpoint(EndpointName=name)


def test_a_change_of_capacity_names_a_variant_that_is_there_and_leaves_an_instance(lab: Any) -> None:
    name, _ = lab.endpoint(_config(lab, "old", lab.role(), 1))
    for change, named in (
        ({"VariantName": "other", "DesiredWeight": 1.0}, "other not found"),
        ({"VariantName": "all", "DesiredInstanceCount": 0}, "at least 1"),
        ({"VariantName": "all", "ServerlessUpdateConfig": {"MaxConcurrency": 1}}, "ServerlessUpdateConfig"),
    ):
        with pytest.raises(ClientError, match=named):
            lab.sm.update_endpoint_weights_and_capacities(
                EndpointName=name, DesiredWeightsAndCapacities=[change]
            )
    assert lab.settled(name)["EndpointStatus"] == "InService"
    lab.sm.delete_endpoint(EndpointName=name)


def test_a_failed_endpoint_can_only_be_deleted(lab: Any) -> None:
    role = lab.role()
    name, described = lab.endpoint(lab.config(lab.model("raise RuntimeError('no')", role)))
    assert described["EndpointStatus"] == "Failed"
    with pytest.raises(ClientError, match="Cannot update failed endpoint"):
        lab.sm.update_endpoint(EndpointName=name, EndpointConfigName=_config(lab, "new", role))
    lab.sm.delete_endpoint(EndpointName=name)


def test_an_instance_that_scales_in_answers_first(lab: Any, endpoints: Endpoints) -> None:
    # One request for each of the two instances.
    routing = {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}
    name, _ = lab.endpoint(_config(lab, "one", lab.role(), RoutingConfig=routing))
    gates = [lab.cloud.state_dir / f"{lab.name}.{number}" for number in range(2)]
    answers: list[str] = []
    callers = [
        threading.Thread(target=lambda gate=gate: answers.append(_ask(lab, name, str(gate).encode())))  # type: ignore[misc]
        for gate in gates
    ]
    fleet = endpoints.serving(name)
    assert fleet is not None
    instances = fleet.variants[0].instances
    for number, caller in enumerate(callers, 1):
        caller.start()
        lab.until(lambda number=number: sum(instance.busy for instance in instances) == number)
    assert [instance.busy for instance in instances] == [1, 1]
    fewer = [{"VariantName": "all", "DesiredInstanceCount": 1}]
    lab.sm.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=fewer)
    lab.until(lambda: len(fleet.variants[0].instances) == 1)
    for gate in gates:
        gate.touch()
    for caller in callers:
        caller.join(30)
    assert answers == ["one", "one"]
    lab.until(lambda: not instances[1].alive)
    assert lab.settled(name)["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    lab.sm.delete_endpoint(EndpointName=name)


def test_a_failed_roll_back_leaves_a_mix_which_the_next_update_replaces(
    lab: Any, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = lab.role()
    old = _config(lab, "old", role)
    name, _ = lab.endpoint(old)
    live, resize = endpoints.live(name), Fleet.resize
    assert live is not None
    blue = live.serving

    def resize_in_only(self: Fleet, variant: Any, count: int, *more: Any) -> None:
        if self is blue and count > len(variant.instances):
            raise UnhealthyError("no capacity")
        resize(self, variant, count, *more)

    monkeypatch.setattr(Fleet, "resize", resize_in_only)
    batch = {"Type": "INSTANCE_COUNT", "Value": 1}
    policy = {"RollingUpdatePolicy": {"MaximumBatchSize": batch, "WaitIntervalInSeconds": 2}}
    lab.sm.update_endpoint(
        EndpointName=name, EndpointConfigName=_config(lab, "new", role), DeploymentConfig=policy
    )
    lab.until(lambda: live.pending and [len(v.instances) for v in live.pending.fleet.variants] == [2])
    green = live.pending.fleet  # type: ignore[union-attr]
    os.kill(green.variants[0].instances[0].pid or 0, signal.SIGKILL)
    lab.until(lambda: lab.sm.describe_endpoint(EndpointName=name)["EndpointStatus"] == "UpdateRollbackFailed")
    described = lab.sm.describe_endpoint(EndpointName=name)
    assert described["EndpointConfigName"] == old
    assert "no capacity" in described["FailureReason"]
    lab.until(lambda: not green.dead())
    assert {_ask(lab, name) for _ in range(40)} == {"old", "new"}

    # What fails from here on leaves that mix, and says so.
    broken = lab.config(
        lab.model("raise RuntimeError('no')", role), InstanceType="ml.m5.large", InitialInstanceCount=1
    )
    lab.sm.update_endpoint(EndpointName=name, EndpointConfigName=broken)
    lab.until(lambda: lab.sm.describe_endpoint(EndpointName=name)["EndpointStatus"] == "UpdateRollbackFailed")
    assert {_ask(lab, name) for _ in range(40)} == {"old", "new"}
    weight = [{"VariantName": "all", "DesiredWeight": 1.0}]
    lab.sm.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=weight)
    lab.until(lambda: lab.sm.describe_endpoint(EndpointName=name)["EndpointStatus"] == "UpdateRollbackFailed")

    newest = _config(lab, "newest", role)
    lab.sm.update_endpoint(EndpointName=name, EndpointConfigName=newest)
    assert lab.settled(name)["EndpointConfigName"] == newest
    assert {_ask(lab, name) for _ in range(10)} == {"newest"}
    lab.until(lambda: len(green.dead()) == len(green.variants[0].instances))
    lab.sm.delete_endpoint(EndpointName=name)


def test_what_nobody_expected_ends_an_update_too(
    lab: Any, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = lab.role()
    name, _ = lab.endpoint(_config(lab, "old", role, 1))

    def broken(self: Fleet, models: Any) -> None:
        raise KeyError("Containers")

    monkeypatch.setattr(Fleet, "prepare", broken)
    lab.sm.update_endpoint(EndpointName=name, EndpointConfigName=_config(lab, "new", role, 1))
    described = lab.settled(name)
    assert described["EndpointStatus"] == "InService"
    assert described["FailureReason"] == "Internal failure. KeyError: 'Containers'"
    assert _ask(lab, name) == "old"
    lab.sm.delete_endpoint(EndpointName=name)
