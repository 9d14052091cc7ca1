"""A deployment through the handlers, from beginning to end: watched, taken back, guarded as before."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from lambdas.promotion import check_endpoint, deploy_endpoint, read_endpoint, restore_endpoint
from lambdas.promotion.endpoints import EndpointBusy, EndpointFailed, KindChanged, RolledBack
from lambdas.promotion.workload import Workload

ENDPOINT = "edgeline-tags-prod"
IN_PROD = {"environment": "prod", "execution": "e", "turn": {"line": "l", "holder": "arn:me"}}
INSTANCES = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 2}
COMPONENTS = {"cpus": 1, "memory_mb": 1024, "copies": 2}
SCALING = {"min": 2, "max": 4, "target": 600}


def configured(kind: str) -> str:
    """The MODELS of a configuration whose prod endpoint is of this kind."""
    settings = {
        "name": ENDPOINT,
        "kind": kind,
        "variant": {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}
        if kind == "serverless"
        else INSTANCES,
        "component": COMPONENTS if kind == "components" else {},
        "scaling": None if kind == "serverless" else SCALING,
        "watched": True,
        "bake_seconds": 600,
    }
    model = {
        "group": "edgeline-tags",
        "classes": ["scratch"],
        "tolerance": 0.02,
        "test_instance": "ml.m5.large",
    }
    return json.dumps({"tags": {**model, "endpoints": {"prod": settings}}})


@pytest.fixture(params=["serverless", "realtime", "components"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def prod(monkeypatch: pytest.MonkeyPatch, there: Any, sagemaker: Any, turns: Any, kind: str) -> Any:
    """The environment, with the kind that a test is about; what was called is in the fakes."""
    role = {"promoter_role_arn": "arn:promoter", "model_role_arn": "arn:aws:iam::333333333333:role/model"}
    monkeypatch.setattr(Workload, "enter", lambda _, execution: there)
    monkeypatch.setattr(boto3, "client", lambda service: sagemaker)
    monkeypatch.setenv("MODELS", configured(kind))
    monkeypatch.setenv("WORKLOADS", json.dumps({"prod": {**role, "region": "eu-west-1"}}))
    monkeypatch.setenv("TIMEOUT_MINUTES", "45")
    return there


def release(sagemaker: Any, describe_package: Any, version: int, mean_score: float = 0.8) -> dict[str, Any]:
    arn = sagemaker.add(describe_package(version))["ModelPackageArn"]
    registered = {"map50": 0.9, "map50_95": 0.5, "empty_share": 0.25, "mean_score": mean_score}
    return {"arn": arn, "model": "tags", "release": f"v{version}-0123abcd", "registered": registered}


def settle(sagemaker: Any, **changes: Any) -> None:
    """Let what is under way end."""
    if sagemaker.endpoints[ENDPOINT]["EndpointStatus"] != "InService":
        sagemaker.settle(ENDPOINT, **changes)
    for component in sagemaker.components.values():
        component["InferenceComponentStatus"] = "InService"


def deploy(sagemaker: Any, package: dict[str, Any]) -> dict[str, Any]:
    """Deploy, again where the endpoint of components is made first, as the state machine does."""
    try:
        return deploy_endpoint.handler({"package": package, **IN_PROD}, None)
    except EndpointBusy:
        settle(sagemaker)
        return deploy_endpoint.handler({"package": package, **IN_PROD}, None)


def check(deployed: dict[str, Any], steps: list[dict[str, str]]) -> dict[str, Any]:
    return check_endpoint.handler({"deployed": deployed, "steps": steps, **IN_PROD}, None)


def long_ago(steps: list[dict[str, str]], seconds: int = 601) -> list[dict[str, str]]:
    earlier = datetime.now(UTC) - timedelta(seconds=seconds)
    return [{**step, "at": earlier.isoformat()} for step in steps]


def test_a_first_release_is_ready_when_its_alarms_were_quiet_for_the_bake_time(
    prod: Any, sagemaker: Any, describe_package: Any, scaling: Any, kind: str
) -> None:
    deployed = deploy(sagemaker, release(sagemaker, describe_package, 1))
    assert (deployed["guard"], deployed["kind"]) == ("watch", kind)
    assert deployed["component"] == (ENDPOINT if kind == "components" else None)
    assert check(deployed, [])["status"] == "waiting"
    settle(sagemaker)
    baking = check(deployed, [])
    assert (baking["status"], baking["steps"][-1]["what"]) == ("waiting", "in service")
    assert scaling.targets == {}, "nothing scales what may be taken back"
    assert check(deployed, long_ago(baking["steps"]))["status"] == "ready"
    assert len(scaling.targets) == (0 if kind == "serverless" else 1)


def test_an_alarm_in_the_bake_time_takes_a_first_release_back_by_its_name(
    prod: Any, sagemaker: Any, describe_package: Any, cloudwatch: Any
) -> None:
    before = read_endpoint.handler({"model": "tags", **IN_PROD}, None)
    deployed = deploy(sagemaker, release(sagemaker, describe_package, 1))
    settle(sagemaker)
    cloudwatch.on = {f"{ENDPOINT}-errors": "0.4 is above 0.01"}
    with pytest.raises(RolledBack, match=rf"put back after 0 s .*alarm {ENDPOINT}-errors: 0.4 is above 0.01"):
        check(deployed, [])
    back = {"before": before, "since": deployed["started_at"], **IN_PROD}
    while restore_endpoint.handler(back, None)["status"] == "waiting":
        if ENDPOINT in sagemaker.endpoints and sagemaker.endpoints[ENDPOINT]["EndpointStatus"] == "Deleting":
            sagemaker.settle(ENDPOINT)
    assert (sagemaker.endpoints, cloudwatch.alarms) == ({}, {})


@pytest.fixture
def first(prod: Any, sagemaker: Any, describe_package: Any) -> dict[str, Any]:
    """What read_endpoint finds once version 1 serves."""
    deployed = deploy(sagemaker, release(sagemaker, describe_package, 1, mean_score=0.8))
    settle(sagemaker)
    assert check(deployed, long_ago(check(deployed, [])["steps"]))["status"] == "ready"
    found: dict[str, Any] = read_endpoint.handler({"model": "tags", **IN_PROD}, None)
    return found


def threshold(cloudwatch: Any) -> tuple[str, float]:
    alarm = cloudwatch.alarms[f"{ENDPOINT}-score"]
    return alarm["Metrics"][-1]["Expression"], alarm["Threshold"]


def test_what_serves_is_read_with_its_package(first: dict[str, Any], sagemaker: Any, kind: str) -> None:
    assert (first["endpoint"], first["kind"]) == (ENDPOINT, kind)
    assert first["model_package"].endswith(":model-package/edgeline-tags/1")
    assert first["model_name"] == f"{ENDPOINT}-v1-0123abcd"
    assert first["component"] == (ENDPOINT if kind == "components" else None)


def test_a_later_release_is_guarded_as_its_kind_can_be_and_compared_with_itself_in_the_end(
    first: dict[str, Any], sagemaker: Any, describe_package: Any, cloudwatch: Any, kind: str
) -> None:
    deployed = deploy(sagemaker, release(sagemaker, describe_package, 2, mean_score=0.6))
    assert (
        deployed["guard"] == {"serverless": "watch", "realtime": "blue-green", "components": "rolling"}[kind]
    )
    assert threshold(cloudwatch) == ("IF(requests >= 20, ABS(value - 0.700000), 0)", 0.35), "like either"
    settle(sagemaker)
    steps = long_ago(check(deployed, [])["steps"])
    assert check(deployed, steps)["status"] == "ready"
    assert threshold(cloudwatch) == ("IF(requests >= 20, ABS(value - 0.600000), 0)", 0.25)


def test_going_back_compares_with_what_the_old_release_was_registered_with(
    first: dict[str, Any], sagemaker: Any, describe_package: Any, cloudwatch: Any, scaling: Any, kind: str
) -> None:
    scaling.targets.clear()
    deployed = deploy(sagemaker, release(sagemaker, describe_package, 2, mean_score=0.6))
    settle(sagemaker)
    back = {"before": first, "since": deployed["started_at"], **IN_PROD}
    assert restore_endpoint.handler(back, None)["status"] == "waiting"
    settle(sagemaker)
    assert restore_endpoint.handler(back, None)["status"] == "ready"
    assert read_endpoint.handler({"model": "tags", **IN_PROD}, None) == first
    assert threshold(cloudwatch) == ("IF(requests >= 20, ABS(value - 0.800000), 0)", 0.25)
    assert len(scaling.targets) == (0 if kind == "serverless" else 1)


@pytest.mark.parametrize("kind", ["realtime"], indirect=True)
def test_the_way_back_to_other_instances_is_not_barred_by_their_scaling(
    first: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    sagemaker: Any,
    describe_package: Any,
    scaling: Any,
) -> None:
    monkeypatch.setenv("MODELS", configured("realtime").replace("ml.m5.large", "ml.c6i.large"))
    deployed = deploy(sagemaker, release(sagemaker, describe_package, 2))
    settle(sagemaker)
    assert check(deployed, long_ago(check(deployed, [])["steps"]))["status"] == "ready"
    assert len(scaling.targets) == 1, "only then the smoke test fails"
    back = {"before": first, "since": deployed["started_at"], **IN_PROD}
    assert restore_endpoint.handler(back, None)["status"] == "waiting"
    assert scaling.targets == {}, "SageMaker changes no instance type while it is registered"
    settle(sagemaker)
    assert restore_endpoint.handler(back, None)["status"] == "ready"
    assert len(scaling.targets) == 1


def test_an_endpoint_of_another_kind_is_left_as_it_is_with_its_alarms_and_its_scaling(
    first: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    sagemaker: Any,
    describe_package: Any,
    cloudwatch: Any,
    scaling: Any,
    kind: str,
) -> None:
    another = {"serverless": "realtime", "realtime": "components", "components": "serverless"}[kind]
    guards = {**cloudwatch.alarms}, {**scaling.targets}, [*sagemaker.changes]
    monkeypatch.setenv("MODELS", configured(another))
    with pytest.raises(KindChanged, match=f"is {kind} and is configured as {another}"):
        deploy(sagemaker, release(sagemaker, describe_package, 2))
    back = {"before": first, "since": datetime.now(UTC).isoformat(), **IN_PROD}
    assert restore_endpoint.handler(back, None)["status"] == "ready"
    assert (cloudwatch.alarms, scaling.targets, sagemaker.changes) == guards


def test_an_alarm_that_rang_before_cannot_judge_the_new_release(
    first: dict[str, Any], sagemaker: Any, describe_package: Any, cloudwatch: Any
) -> None:
    cloudwatch.on = {f"{ENDPOINT}-empty": "0.9 is above 0.25"}
    deployed = deploy(sagemaker, release(sagemaker, describe_package, 2))
    assert deployed["ringing"] == [f"{ENDPOINT}-empty"]
    assert f"{ENDPOINT}-empty" not in deployed["alarms"]
    cloudwatch.on = {f"{ENDPOINT}-errors": "since the update"}
    repeated = deploy_endpoint.handler({"package": release(sagemaker, describe_package, 2), **IN_PROD}, None)
    assert f"{ENDPOINT}-errors" in repeated["alarms"], "it is what the release is judged by"


@pytest.mark.parametrize("kind", ["realtime"], indirect=True)
def test_sagemakers_way_back_is_named_by_the_alarm_that_was_seen(
    first: dict[str, Any], sagemaker: Any, describe_package: Any, cloudwatch: Any
) -> None:
    deployed = deploy(sagemaker, release(sagemaker, describe_package, 2))
    baking = {"Status": "Baking", "StartTime": datetime(2026, 11, 21, 17, 4, tzinfo=UTC)}
    pending = sagemaker.endpoints[ENDPOINT]["PendingDeploymentSummary"]
    pending["ProductionVariants"] = [{"VariantStatus": [baking]}]
    steps = check(deployed, [])["steps"]
    assert steps == [{"at": "2026-11-21T17:04:00+00:00", "what": "Updating, Baking"}]
    assert check(deployed, steps)["steps"] == steps, "the same is not told twice"
    cloudwatch.on = {f"{ENDPOINT}-latency": "p95 is 900000"}
    steps = check(deployed, steps)["steps"]
    assert steps[-1]["what"] == f"alarm {ENDPOINT}-latency: p95 is 900000"
    cloudwatch.on = {}
    sagemaker.endpoints[ENDPOINT].pop("PendingDeploymentSummary")
    sagemaker.settle(ENDPOINT, FailureReason="an alarm was on")
    with pytest.raises(RolledBack, match=rf"fell back to .*; alarm {ENDPOINT}-latency: p95 is 900000"):
        check(deployed, steps)


@pytest.mark.parametrize("kind", ["realtime"], indirect=True)
def test_sagemakers_way_back_is_named_by_an_alarm_that_was_off_before_it_was_seen(
    first: dict[str, Any], sagemaker: Any, describe_package: Any
) -> None:
    deployed = deploy(sagemaker, release(sagemaker, describe_package, 2))
    sagemaker.endpoints[ENDPOINT].pop("PendingDeploymentSummary")
    sagemaker.settle(ENDPOINT, FailureReason=f"alarms are in ALARM state: {ENDPOINT}-empty.")
    with pytest.raises(RolledBack, match=rf"; alarm {ENDPOINT}-empty: it was off again before"):
        check(deployed, [])


@pytest.mark.parametrize("kind", ["realtime"], indirect=True)
def test_a_release_that_never_came_up_did_not_fall_to_an_alarm(
    first: dict[str, Any], sagemaker: Any, describe_package: Any
) -> None:
    deployed = deploy(sagemaker, release(sagemaker, describe_package, 2))
    sagemaker.endpoints[ENDPOINT].pop("PendingDeploymentSummary")
    sagemaker.settle(ENDPOINT, FailureReason="the container did not answer /ping")
    with pytest.raises(EndpointFailed, match="did not answer /ping"):
        check(deployed, [])


def test_a_change_that_takes_longer_than_it_may_beside_its_bake_time_fails(
    first: dict[str, Any], sagemaker: Any, describe_package: Any
) -> None:
    deployed = deploy(sagemaker, release(sagemaker, describe_package, 2))
    began = datetime.now(UTC) - timedelta(minutes=46)
    assert check({**deployed, "started_at": began.isoformat()}, [])["status"] == "waiting", "it bakes"
    began -= timedelta(seconds=1800)
    with pytest.raises(EndpointFailed, match="was not in service within 75 minutes"):
        check({**deployed, "started_at": began.isoformat()}, [])


def test_the_way_back_waits_for_an_update_that_is_watched(
    first: dict[str, Any], sagemaker: Any, describe_package: Any
) -> None:
    deploy(sagemaker, release(sagemaker, describe_package, 2))
    began = datetime.now(UTC) - timedelta(minutes=46)
    back = {"before": first, "since": began.isoformat(), **IN_PROD}
    assert restore_endpoint.handler(back, None)["status"] == "waiting"
    began -= timedelta(seconds=1800)
    with pytest.raises(EndpointFailed, match=r"did not go back to .* within 75 minutes"):
        restore_endpoint.handler({**back, "since": began.isoformat()}, None)
