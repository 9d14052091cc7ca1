"""Endpoints whose config names the model, realtime and serverless: a new release is a new config."""

from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.promotion.endpoints import (
    BROKEN,
    NO_TAGS,
    SETTLED,
    Begun,
    Endpoint,
    EndpointBusy,
    EndpointFailed,
    Progress,
    describe,
    tag_list,
)
from lambdas.promotion.settings import EndpointSettings

# Beside the time that is spent watching; SageMaker gives up after it and goes back.
_UPDATE_SECONDS = 1800


def begin(
    sagemaker: Any,
    settings: EndpointSettings,
    *,
    config: str,
    alarms: Sequence[str] = (),
    tags: Mapping[str, str] = NO_TAGS,
) -> Begun:
    """Begin to serve this endpoint config; safe to repeat. EndpointBusy while another change is under way."""
    name, bake = settings.name, settings.bake_seconds
    endpoint = describe(sagemaker, name)
    if endpoint is None:
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config, Tags=tag_list(tags))
        return Begun("watch", bake)
    if endpoint.status in BROKEN:
        sagemaker.delete_endpoint(EndpointName=name)
        raise EndpointBusy(f"{name} was {endpoint.status} and is being deleted: {endpoint.reason}")
    guarded = settings.kind == "realtime" and bool(alarms) and bake > 0
    if endpoint.status == "InService" and endpoint.config == config:
        return Begun("watch", 0, now=False)
    if config in (endpoint.config, endpoint.pending):
        guarded = guarded and endpoint.status != "Creating"
        return Begun("blue-green" if guarded else "watch", bake, now=False)
    if endpoint.status not in SETTLED:
        raise EndpointBusy(f"{name} is {endpoint.status}")
    guards = {"DeploymentConfig": blue_green(settings, alarms)} if guarded else {}
    sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config, **_retained(settings), **guards)
    return Begun("blue-green" if guarded else "watch", bake)


def blue_green(settings: EndpointSettings, alarms: Sequence[str]) -> dict[str, Any]:
    """A canary first, then the rest, each watched for the bake time; back to the old fleet on an alarm."""
    bake = settings.bake_seconds
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": settings.canary_percent},
                "WaitIntervalInSeconds": bake,
            },
            # While it waits, the alarms still bring the old fleet back: this is the bake of the whole.
            "TerminationWaitInSeconds": bake,
            "MaximumExecutionTimeoutInSeconds": _UPDATE_SECONDS + 2 * bake,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm} for alarm in alarms]},
    }


def progress(sagemaker: Any, name: str, config: str) -> Progress:
    """Tell how far an endpoint is on its way to this config; EndpointFailed where it serves nothing."""
    endpoint = describe(sagemaker, name)
    if endpoint is None:
        raise EndpointFailed(f"{name} is gone")
    if endpoint.status in BROKEN:
        raise EndpointFailed(f"{name} is {endpoint.status}: {endpoint.reason or 'no reason given'}")
    if endpoint.status != "InService":
        return _step(endpoint)
    if endpoint.config != config:
        went = f"{name} fell back to {endpoint.config}: {endpoint.reason or 'no reason given'}"
        return Progress(serving=False, what=f"fell back to {endpoint.config}", fell_back=went)
    return Progress(serving=True, what="in service")


def put_back(
    sagemaker: Any,
    settings: EndpointSettings,
    config: str | None,
    tags: Mapping[str, str] = NO_TAGS,
) -> bool:
    """Go towards the config from before, or towards no endpoint where there was none; True when there."""
    name = settings.name
    endpoint = describe(sagemaker, name)
    if endpoint is None and config is None:
        return True
    if endpoint is not None and endpoint.status not in SETTLED:
        return False
    if config is None:
        sagemaker.delete_endpoint(EndpointName=name)
        return False
    if endpoint is not None and endpoint.status == "InService" and endpoint.config == config:
        return True
    if endpoint is None:
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config, Tags=tag_list(tags))
    elif endpoint.status in BROKEN:
        sagemaker.delete_endpoint(EndpointName=name)
    else:
        # All at once, and by no alarm: what it goes back to has served.
        sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config, **_retained(settings))
    return False


def _retained(settings: EndpointSettings) -> dict[str, bool]:
    """Keep as many instances as autoscaling has come to; a config knows only how many it begins with."""
    return {"RetainAllVariantProperties": True} if settings.scaling else {}


def _step(endpoint: Endpoint) -> Progress:
    """Say in words what an update is doing, with the instances that it has come to."""
    statuses = endpoint.moving.get("VariantStatus") or []
    if not statuses:
        return Progress(serving=False, what=endpoint.status)
    newest = statuses[-1]
    started = newest.get("StartTime")
    message = newest.get("StatusMessage")
    what = f"{newest['Status']}: {message}" if message else str(newest["Status"])
    return Progress(
        serving=False,
        what=f"{endpoint.status}, {what}",
        at=started.isoformat(timespec="seconds") if started else None,
    )
