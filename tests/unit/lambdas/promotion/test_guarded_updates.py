"""How each kind of endpoint comes to a new release, and who watches it."""

from dataclasses import replace
from typing import Any

import pytest

from lambdas.promotion import components, kinds, whole_endpoints
from lambdas.promotion.endpoints import EndpointBusy, EndpointFailed, KindChanged
from lambdas.promotion.settings import EndpointSettings

ALARMS = ["prod-errors", "prod-latency"]
REALTIME = EndpointSettings(
    "prod",
    {"InstanceType": "ml.m5.large", "InitialInstanceCount": 2},
    kind="realtime",
    watched=True,
    bake_seconds=600,
    canary_percent=20,
)
SERVERLESS = EndpointSettings(
    "prod", {"ServerlessConfig": {"MemorySizeInMB": 2048}}, watched=True, bake_seconds=600
)
COMPONENTS = replace(
    REALTIME, kind="components", component={"cpus": 1, "memory_mb": 1024, "copies": 2}, variant={}
)


@pytest.fixture
def running(sagemaker: Any, there: Any) -> Any:
    """An endpoint of two instances in service with v1."""
    variant = {"ModelName": "m1", "InstanceType": "ml.m5.large"}
    sagemaker.configs["v1"] = {"EndpointConfigName": "v1", "ProductionVariants": [variant]}
    sagemaker.create_endpoint(EndpointName="prod", EndpointConfigName="v1", Tags=[])
    sagemaker.settle("prod")
    return there.client("sagemaker")


@pytest.fixture
def hosting(sagemaker: Any, there: Any) -> Any:
    """An endpoint for components in service, without one."""
    sagemaker.configs["c"] = {
        "EndpointConfigName": "c",
        "ProductionVariants": [{"VariantName": "AllTraffic"}],
    }
    sagemaker.create_endpoint(EndpointName="prod", EndpointConfigName="c", Tags=[])
    sagemaker.settle("prod")
    return there.client("sagemaker")


def test_an_update_of_instances_is_blue_green_with_a_canary_and_goes_back_on_our_alarms(
    running: Any, sagemaker: Any
) -> None:
    begun = whole_endpoints.begin(running, REALTIME, config="v2", alarms=ALARMS)
    assert (begun.guard, begun.bake_seconds, begun.now) == ("blue-green", 600, True)
    deployment = sagemaker.how["DeploymentConfig"]
    policy = deployment["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"] == {
        "Type": "CANARY",
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 20},
        "WaitIntervalInSeconds": 600,
    }
    assert policy["TerminationWaitInSeconds"] == 600
    assert policy["MaximumExecutionTimeoutInSeconds"] > 2 * 600
    assert deployment["AutoRollbackConfiguration"] == {"Alarms": [{"AlarmName": name} for name in ALARMS]}


def test_the_longest_bake_is_within_what_sagemaker_takes() -> None:
    longest = whole_endpoints.blue_green(replace(REALTIME, bake_seconds=3600), ALARMS)
    assert longest["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] <= 28800
    rolling = components.rolling(replace(COMPONENTS, bake_seconds=3600), ALARMS)["RollingUpdatePolicy"]
    assert 3 * 3600 < rolling["MaximumExecutionTimeoutInSeconds"] <= 28800, "three batches of three copies"


def test_a_repeated_call_joins_the_update_that_is_under_way(running: Any, sagemaker: Any) -> None:
    whole_endpoints.begin(running, REALTIME, config="v2", alarms=ALARMS)
    again = whole_endpoints.begin(running, REALTIME, config="v2", alarms=ALARMS)
    assert (again.guard, again.now) == ("blue-green", False)
    assert [change for change in sagemaker.changes if change[0] == "update"] == [("update", "v2")]


def test_what_serves_already_is_not_watched_anew(running: Any) -> None:
    begun = whole_endpoints.begin(running, REALTIME, config="v1", alarms=ALARMS)
    assert (begun.guard, begun.bake_seconds) == ("watch", 0)


def test_a_first_deployment_is_watched_by_us(there: Any) -> None:
    begun = whole_endpoints.begin(there.client("sagemaker"), REALTIME, config="v1", alarms=ALARMS)
    assert (begun.guard, begun.bake_seconds) == ("watch", 600)


def test_serverless_switches_at_once_and_is_watched_by_us(sagemaker: Any, there: Any) -> None:
    client = there.client("sagemaker")
    whole_endpoints.begin(client, SERVERLESS, config="v1")
    sagemaker.settle("prod")
    begun = whole_endpoints.begin(client, SERVERLESS, config="v2", alarms=ALARMS)
    assert (begun.guard, begun.bake_seconds) == ("watch", 600)
    assert sagemaker.how == {}, "SageMaker guards no serverless endpoint"


def test_without_a_time_to_bake_nothing_is_guarded(running: Any, sagemaker: Any) -> None:
    begun = whole_endpoints.begin(running, replace(REALTIME, bake_seconds=0), config="v2", alarms=ALARMS)
    assert (begun.guard, begun.bake_seconds) == ("watch", 0)
    assert sagemaker.how == {}


def test_an_endpoint_that_scales_keeps_the_instances_that_it_has_come_to(
    running: Any, sagemaker: Any
) -> None:
    scaling = replace(REALTIME, scaling={"min": 2, "max": 4, "target": 600})
    whole_endpoints.begin(running, scaling, config="v2", alarms=ALARMS)
    assert sagemaker.how["RetainAllVariantProperties"] is True
    sagemaker.settle("prod")
    whole_endpoints.put_back(running, scaling, "v1")
    assert sagemaker.how == {"RetainAllVariantProperties": True}, "the way back is not guarded: it has served"


def test_the_steps_of_an_update_are_told_in_words(running: Any, sagemaker: Any) -> None:
    whole_endpoints.begin(running, REALTIME, config="v2", alarms=ALARMS)
    assert whole_endpoints.progress(running, "prod", "v2").what == "Updating"
    baking = {"Status": "Baking", "StatusMessage": "Baking for 600 seconds"}
    sagemaker.endpoints["prod"]["PendingDeploymentSummary"]["ProductionVariants"] = [
        {"VariantStatus": [baking]}
    ]
    assert whole_endpoints.progress(running, "prod", "v2").what == "Updating, Baking: Baking for 600 seconds"


def test_an_endpoint_for_components_is_made_once_and_waited_for(sagemaker: Any, there: Any) -> None:
    client = there.client("sagemaker")
    sagemaker.configs["c"] = {"ProductionVariants": [{"VariantName": "AllTraffic"}]}
    for _ in range(2):
        with pytest.raises(EndpointBusy, match=r"prod is (being created|Creating)"):
            components.begin(client, COMPONENTS, config="c", model="m1")
    sagemaker.settle("prod")
    begun = components.begin(client, COMPONENTS, config="c", model="m1", alarms=ALARMS)
    assert (begun.guard, begun.bake_seconds) == ("watch", 600)
    assert sagemaker.changes == [("create", "c"), ("create component", "m1")]


def settle_component(sagemaker: Any, **changes: Any) -> None:
    sagemaker.components["prod"].update({"InferenceComponentStatus": "InService", **changes})


def test_a_component_is_updated_by_rolling_and_goes_back_on_our_alarms(hosting: Any, sagemaker: Any) -> None:
    components.begin(hosting, COMPONENTS, config="c", model="m1")
    with pytest.raises(EndpointBusy, match="the inference component prod is Creating"):
        components.begin(hosting, COMPONENTS, config="c", model="m2", alarms=ALARMS)
    settle_component(sagemaker)
    begun = components.begin(hosting, COMPONENTS, config="c", model="m2", alarms=ALARMS)
    assert (begun.guard, begun.bake_seconds) == ("rolling", 600)
    deployment = sagemaker.how["DeploymentConfig"]
    assert deployment["RollingUpdatePolicy"]["WaitIntervalInSeconds"] == 600
    assert deployment["RollingUpdatePolicy"]["MaximumBatchSize"] == {"Type": "CAPACITY_PERCENT", "Value": 50}
    assert deployment["AutoRollbackConfiguration"]["Alarms"][0] == {"AlarmName": "prod-errors"}
    again = components.begin(hosting, COMPONENTS, config="c", model="m2", alarms=ALARMS)
    assert (again.guard, again.now) == ("rolling", False)


def test_a_component_that_sleeps_is_woken_for_its_update(hosting: Any, sagemaker: Any) -> None:
    components.begin(hosting, COMPONENTS, config="c", model="m1")
    settle_component(sagemaker, RuntimeConfig={"DesiredCopyCount": 0, "CurrentCopyCount": 0})
    components.begin(hosting, COMPONENTS, config="c", model="m2", alarms=ALARMS)
    assert sagemaker.how["RuntimeConfig"] == {"CopyCount": 2}
    settle_component(sagemaker, RuntimeConfig={"DesiredCopyCount": 0, "CurrentCopyCount": 0})
    again = components.begin(hosting, COMPONENTS, config="c", model="m2", alarms=ALARMS)
    assert (again.guard, again.now) == ("rolling", True), "the same once more is tested once more"
    settle_component(sagemaker, RuntimeConfig={"DesiredCopyCount": 5, "CurrentCopyCount": 5})
    components.begin(hosting, COMPONENTS, config="c", model="m3", alarms=ALARMS)
    assert sagemaker.how["RuntimeConfig"] == {"CopyCount": 5}, "nor does an update send copies away"


def test_how_far_a_component_is(hosting: Any, sagemaker: Any) -> None:
    components.begin(hosting, COMPONENTS, config="c", model="m1")
    assert components.progress(hosting, "prod", "m1").what == "Creating, 2 of 2 copies"
    settle_component(sagemaker)
    assert components.progress(hosting, "prod", "m1").serving
    settle_component(sagemaker, FailureReason="alarm prod-errors")
    fell = components.progress(hosting, "prod", "m2")
    assert fell.fell_back == "the inference component prod fell back to m1: alarm prod-errors"
    settle_component(sagemaker, InferenceComponentStatus="Failed", FailureReason="no memory")
    with pytest.raises(EndpointFailed, match="prod is Failed: no memory"):
        components.progress(hosting, "prod", "m1")


def test_components_go_back_to_the_model_before_and_to_nothing_in_the_right_order(
    hosting: Any, sagemaker: Any
) -> None:
    before = {"kind": "components", "config": "c", "model_name": "m1", "component": "prod"}
    components.begin(hosting, COMPONENTS, config="c", model="m1")
    settle_component(sagemaker)
    components.begin(hosting, COMPONENTS, config="c", model="m2")
    assert not kinds.put_back(hosting, COMPONENTS, before), "it waits for what is under way"
    settle_component(sagemaker)
    assert not kinds.put_back(hosting, COMPONENTS, before)
    settle_component(sagemaker)
    assert kinds.put_back(hosting, COMPONENTS, before)
    nothing = {"kind": None, "config": None, "model_name": None, "component": None}
    assert not kinds.put_back(hosting, COMPONENTS, nothing)
    assert not kinds.put_back(hosting, COMPONENTS, nothing)
    sagemaker.settle("prod")
    assert kinds.put_back(hosting, COMPONENTS, nothing)
    assert sagemaker.changes[-2:] == [("delete component", "prod"), ("delete", "prod")]


def test_an_endpoint_with_a_model_never_becomes_one_of_components(running: Any, sagemaker: Any) -> None:
    with pytest.raises(KindChanged, match="prod is realtime and is configured as components"):
        kinds.refuse_another(running, COMPONENTS)
    before = {"kind": "realtime", "config": "v1", "model_name": "m1", "component": None}
    assert kinds.put_back(running, COMPONENTS, before), "nothing was changed"
    assert sagemaker.changes == [("create", "v1")]


def test_what_an_endpoint_of_components_serves(hosting: Any, sagemaker: Any) -> None:
    assert kinds.serving(hosting, "prod") == kinds.Serving("components", "c")
    components.begin(hosting, COMPONENTS, config="c", model="m1")
    with pytest.raises(EndpointBusy, match="component prod is Creating"):
        kinds.serving(hosting, "prod")
    settle_component(sagemaker)
    assert kinds.serving(hosting, "prod") == kinds.Serving("components", "c", "m1", "prod")
    assert kinds.serving_model(hosting, "prod") == "m1"
