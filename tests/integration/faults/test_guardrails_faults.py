"""Models that are good in staging and bad in prod: each kind of endpoint takes them back under load."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from faults.promoted import Promotions
from load import Load, callers_of
from waiting import eventually

from local.cloud.server import LocalCloud
from local.sagemaker.hosting.endpoints import Endpoints
from local.sagemaker.plugin import SageMakerPlugin

pytestmark = pytest.mark.acceptance

# No load on the machine that tests makes a good model as slow as that.
LIMITS = {"bake_seconds": 12, "p95_ms": 1500}
KINDS: dict[str, dict[str, Any]] = {
    "realtime": {"kind": "realtime", "instances": 2, "canary_percent": 50},
    "serverless": {"kind": "serverless"},
    "components": {"kind": "components", "instances": 2, "copies": 2},
}
GUARDS = {"realtime": "blue-green", "serverless": "watch", "components": "rolling"}
ANSWER = "if PROD: return {**model, 'width': 4, 'height': 3, 'detections': [], CHANGED}"
FAULTS = {
    "errors": "if PROD and picture == b'rare': raise RuntimeError('no such opset')",
    "latency": "PROD and time.sleep(2)",
    "empty": ANSWER.replace("CHANGED", "'empty': True"),
    "score": ANSWER.replace("CHANGED", "'score': 0.1"),
}
PICTURES = [b"picture", b"another", b"rare"]


@pytest.fixture(scope="module", params=KINDS)
def deployed(
    request: pytest.FixtureRequest, cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory
) -> Promotions:
    kind = str(request.param)
    endpoints = {"prod": {**KINDS[kind], **LIMITS}}
    return Promotions(cloud, tmp_path_factory.mktemp(kind), name=f"guarded-{kind}", endpoints=endpoints)


@pytest.fixture
def line(deployed: Promotions) -> Iterator[Promotions]:
    """A good model in both endpoints, and no alarm; the same afterwards."""
    before = deployed.serves()
    quiet(deployed)
    with deployed.deployed.machine_with(deployed.machine, '"Seconds":5', '"Seconds":1'):
        yield deployed
    assert deployed.serves() == before
    assert deployed.holder() is None


def kind_of(line: Promotions) -> str:
    return str(line.deployed.config.model("tags").prod.kind)


def quiet(line: Promotions) -> None:
    """Let no alarm ring of what the test before has asked."""
    line.forget_requests()
    eventually(lambda: not ringing(line))


def ringing(line: Promotions) -> list[str]:
    found = line.at[line.prod].client("cloudwatch").describe_alarms(
        AlarmNamePrefix=f"{line.prod}-", StateValue="ALARM"
    )  # fmt: skip
    return [alarm["AlarmName"] for alarm in found["MetricAlarms"]]


def scaled(line: Promotions) -> list[tuple[int, int]]:
    """Between which numbers prod scales."""
    autoscaling = line.at[line.prod].client("application-autoscaling")
    targets = autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    return [(t["MinCapacity"], t["MaxCapacity"]) for t in targets if line.prod in t["ResourceId"]]


@contextmanager
def asked(line: Promotions) -> Iterator[Load]:
    """Ask prod as long as the block runs, one picture after the other: more would be too many at once."""
    component = line.prod if kind_of(line) == "components" else None
    session = line.at[line.prod]
    with callers_of(session, line.prod, component=component, pause_seconds=0.05, bodies=PICTURES) as load:
        yield load


def in_change(line: Promotions) -> bool:
    """Whether prod is on its way to another release, or has come to it."""
    sagemaker = line.at[line.prod].client("sagemaker")
    if kind_of(line) == "components":
        found = sagemaker.describe_inference_component(InferenceComponentName=line.prod)
        return str(found["InferenceComponentStatus"]) == "Updating"
    return str(sagemaker.describe_endpoint(EndpointName=line.prod)["EndpointStatus"]) == "Updating"


def promote_under_load(line: Promotions, package: str) -> tuple[dict[str, Any], Load]:
    """Promote a package; requests come from when prod begins to change."""
    execution = line.approve(package)
    eventually(lambda: in_change(line))
    with asked(line) as load:
        ended = line.ended(execution)
    return ended, load


@pytest.mark.parametrize("fault", FAULTS)
def test_a_model_that_is_bad_in_prod_only_is_taken_back_by_the_alarms_name(
    line: Promotions, fault: str
) -> None:
    package = line.register(on_picture=FAULTS[fault])
    ended, load = promote_under_load(line, package)
    assert (ended["status"], ended.get("error")) == ("FAILED", "RolledBack")
    assert f"alarm {line.prod}-{fault}: " in ended["cause"]
    own_watch = GUARDS[kind_of(line)] == "watch"
    assert ("is put back after" if own_watch else "fell back to") in ended["cause"]
    assert load.answers
    expected = {b"rare"} if fault == "errors" else set()
    broken = [sample for sample in load.samples if sample.error and sample.body not in expected]
    assert broken == [], "no request fails of the update, nor of the way back"
    record = line.record(package)
    assert record["outcome"] == "RolledBack"
    assert f"{line.prod}-{fault}" in record["reason"]
    assert record["prod"]["deployed"]["guard"] == GUARDS[kind_of(line)]


def test_a_rejection_of_the_running_version_goes_back_by_the_same_guard(line: Promotions) -> None:
    package = line.register()
    ended = line.promote(package)
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    execution = line.reject(package)
    ended = line.ended(execution)
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    record = line.record(line.good, execution)
    assert (record["purpose"], record["rejected"]["model_package_arn"]) == ("roll back", package)
    assert record["prod"]["deployed"]["guard"] == GUARDS[kind_of(line)]


def test_a_good_model_is_let_through_while_it_is_asked(deployed: Promotions) -> None:
    quiet(deployed)
    package = deployed.register()
    ended, load = promote_under_load(deployed, package)
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    assert (load.errors, ringing(deployed)) == ([], [])
    assert load.answers
    assert (
        scaled(deployed)
        == {"realtime": [(2, 4)], "serverless": [], "components": [(2, 4)]}[kind_of(deployed)]
    )
    record = deployed.record(package)
    assert [step["what"] for step in record["prod"]["steps"]][-1] == "in service"


@pytest.mark.parametrize("deployed", ["realtime"], indirect=True)
def test_a_new_instance_that_is_killed_while_it_bakes_takes_its_release_back(
    line: Promotions, cloud: LocalCloud
) -> None:
    package = line.register()
    execution = line.approve(package)
    eventually(lambda: in_change(line))
    with asked(line) as load:
        [victim, *_] = eventually(lambda: green(cloud, line.prod))
        os.kill(victim, signal.SIGKILL)
        ended = line.ended(execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "EndpointFailed")
    assert "fell back to" in ended["cause"]
    assert len(load.errors) <= 1, "at most what the killed process was answering"
    assert line.outcome(package) == "EndpointFailed"


@pytest.mark.parametrize("deployed", ["realtime"], indirect=True)
def test_an_old_instance_that_is_killed_during_an_update_does_not_stop_it(
    deployed: Promotions, cloud: LocalCloud
) -> None:
    quiet(deployed)
    execution = deployed.approve(deployed.register())
    eventually(lambda: green(cloud, deployed.prod))
    with asked(deployed) as load:
        fleet = endpoints_of(cloud).serving(deployed.prod)
        assert fleet is not None
        os.kill(fleet.variants[0].instances[0].pid, signal.SIGKILL)
        ended = deployed.ended(execution)
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    assert len(load.errors) <= 1


def endpoints_of(cloud: LocalCloud) -> Endpoints:
    return cloud.plugin(SageMakerPlugin).endpoints


def green(cloud: LocalCloud, endpoint: str) -> list[int]:
    """The processes of the fleet that an update brings, once requests can reach it."""
    described = cloud.root_session().client("sagemaker").describe_endpoint(EndpointName=endpoint)
    variants = described.get("PendingDeploymentSummary", {}).get("ProductionVariants", [])
    statuses = [status["Status"] for variant in variants for status in variant.get("VariantStatus", [])]
    live = endpoints_of(cloud).live(endpoint)
    if "Baking" not in statuses or live is None or live.pending is None:
        return []
    return [instance.pid for instance in live.pending.fleet.variants[0].instances]
