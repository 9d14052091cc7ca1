"""Endpoints of inference components: made once without a model; a new release is a new component's model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.promotion.endpoints import (
    BROKEN,
    MOST_BAKES,
    NO_TAGS,
    SETTLED,
    VARIANT,
    Begun,
    EndpointBusy,
    EndpointFailed,
    Progress,
    describe,
    found_or_none,
    tag_list,
)
from lambdas.promotion.settings import EndpointSettings

_UPDATE_SECONDS = 1800
_HALF = {"Type": "CAPACITY_PERCENT", "Value": 50}  # the largest batch that SageMaker takes


@dataclass(frozen=True)
class Component:
    """An inference component's state: its status, its model, why it failed, its copies."""

    status: str
    model: str
    reason: str
    current: int
    desired: int


def describe_component(sagemaker: Any, name: str) -> Component | None:
    """Describe an inference component; None where there is none."""
    found = found_or_none(sagemaker.describe_inference_component, InferenceComponentName=name)
    if found is None:
        return None
    runtime = found.get("RuntimeConfig") or {}
    return Component(
        status=found["InferenceComponentStatus"],
        model=(found.get("Specification") or {}).get("ModelName", ""),
        reason=found.get("FailureReason", ""),
        current=runtime.get("CurrentCopyCount", 0),
        desired=runtime.get("DesiredCopyCount", 0),
    )


def begin(
    sagemaker: Any,
    settings: EndpointSettings,
    *,
    config: str,
    model: str,
    alarms: Sequence[str] = (),
    tags: Mapping[str, str] = NO_TAGS,
) -> Begun:
    """Begin to serve this model as the endpoint's component; safe to repeat.

    EndpointBusy while endpoint or component are being made or changed.
    """
    name, bake = settings.own_name, settings.bake_seconds
    _ensure_endpoint(sagemaker, settings, config, tags)
    component = describe_component(sagemaker, name)
    if component is None:
        _create(sagemaker, settings, model, tags)
        return Begun("watch", bake)
    guarded = bool(alarms) and bake > 0
    asleep = component.status == "InService" and component.desired == 0
    if component.model == model and component.status != "Failed" and not asleep:
        if component.status == "InService":
            return Begun("watch", 0, now=False)
        guarded = guarded and component.status == "Updating"
        return Begun("rolling" if guarded else "watch", bake, now=False)
    _only_if_settled(sagemaker, name, component)
    guards = {"DeploymentConfig": rolling(settings, alarms)} if guarded else {}
    _update(sagemaker, settings, model, copies=max(component.desired, settings.component["copies"]), **guards)
    return Begun("rolling" if guarded else "watch", bake)


def rolling(settings: EndpointSettings, alarms: Sequence[str]) -> dict[str, Any]:
    """Half of the copies at a time, each batch watched for the bake time; back on an alarm."""
    bake = settings.bake_seconds
    return {
        "RollingUpdatePolicy": {
            "MaximumBatchSize": _HALF,
            "WaitIntervalInSeconds": bake,
            "MaximumExecutionTimeoutInSeconds": _UPDATE_SECONDS + MOST_BAKES * bake,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm} for alarm in alarms]},
    }


def progress(sagemaker: Any, name: str, model: str) -> Progress:
    """Tell how far a component is on its way to this model; EndpointFailed where it serves nothing."""
    component = describe_component(sagemaker, name)
    if component is None:
        raise EndpointFailed(f"the inference component {name} is gone")
    if component.status == "Failed":
        raise EndpointFailed(
            f"the inference component {name} is Failed: {component.reason or 'no reason given'}"
        )
    if component.status != "InService":
        what = f"{component.status}, {component.current} of {component.desired} copies"
        return Progress(serving=False, what=what)
    if component.model != model:
        why = component.reason or "no reason given"
        went = f"the inference component {name} fell back to {component.model}: {why}"
        return Progress(serving=False, what=f"fell back to {component.model}", fell_back=went)
    return Progress(serving=True, what="in service")


def put_back(
    sagemaker: Any,
    settings: EndpointSettings,
    *,
    config: str | None,
    model: str | None,
    tags: Mapping[str, str] = NO_TAGS,
    others: Sequence[str] = (),
) -> bool:
    """Go towards the model from before, or none, or towards no endpoint; True when there.

    The endpoint goes with the last component: one of the `others` keeps it.
    """
    name = settings.own_name
    component = describe_component(sagemaker, name)
    if component is not None and component.status not in ("InService", "Failed"):
        return False
    if model is None:
        return _without_component(sagemaker, settings, component, config, others)
    if component is None:
        _create(sagemaker, settings, model, tags)
    elif component.status == "Failed":
        sagemaker.delete_inference_component(InferenceComponentName=name)
    elif component.model != model:
        _update(sagemaker, settings, model, copies=max(component.desired, settings.component["copies"]))
    else:
        return True
    return False


def _without_component(
    sagemaker: Any,
    settings: EndpointSettings,
    component: Component | None,
    config: str | None,
    others: Sequence[str],
) -> bool:
    """SageMaker deletes no endpoint that still has a component."""
    if component is not None:
        sagemaker.delete_inference_component(InferenceComponentName=settings.own_name)
        return False
    endpoint = describe(sagemaker, settings.name)
    if config is not None or endpoint is None:
        return True
    if any(describe_component(sagemaker, other) is not None for other in others):
        return True
    if endpoint.status in SETTLED:
        sagemaker.delete_endpoint(EndpointName=settings.name)
    return False


def _ensure_endpoint(
    sagemaker: Any, settings: EndpointSettings, config: str, tags: Mapping[str, str]
) -> None:
    """Have the endpoint of components in service with this config; EndpointBusy until it is."""
    name = settings.name
    endpoint = describe(sagemaker, name)
    if endpoint is None:
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config, Tags=tag_list(tags))
        raise EndpointBusy(f"{name} is being created")
    if endpoint.status in BROKEN:
        sagemaker.delete_endpoint(EndpointName=name)
        raise EndpointBusy(f"{name} was {endpoint.status} and is being deleted: {endpoint.reason}")
    if endpoint.status != "InService":
        raise EndpointBusy(f"{name} is {endpoint.status}")
    if endpoint.config != config:
        sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)
        raise EndpointBusy(f"{name} is being updated to {config}")


def _only_if_settled(sagemaker: Any, name: str, component: Component) -> None:
    if component.status == "Failed":
        sagemaker.delete_inference_component(InferenceComponentName=name)
        raise EndpointBusy(
            f"the inference component {name} was Failed and is being deleted: {component.reason}"
        )
    if component.status != "InService":
        raise EndpointBusy(f"the inference component {name} is {component.status}")


def _create(sagemaker: Any, settings: EndpointSettings, model: str, tags: Mapping[str, str]) -> None:
    sagemaker.create_inference_component(
        InferenceComponentName=settings.own_name,
        EndpointName=settings.name,
        VariantName=VARIANT,
        Specification=_specification(settings, model),
        RuntimeConfig={"CopyCount": settings.component["copies"]},
        Tags=tag_list(tags),
    )


def _update(sagemaker: Any, settings: EndpointSettings, model: str, *, copies: int, **guards: Any) -> None:
    """A component that sleeps at no copies is woken: nothing else could be watched, or tested."""
    sagemaker.update_inference_component(
        InferenceComponentName=settings.own_name,
        Specification=_specification(settings, model),
        RuntimeConfig={"CopyCount": copies},
        **guards,
    )


def _specification(settings: EndpointSettings, model: str) -> dict[str, Any]:
    return {
        "ModelName": model,
        "ComputeResourceRequirements": {
            "NumberOfCpuCoresRequired": settings.component["cpus"],
            "MinMemoryRequiredInMb": settings.component["memory_mb"],
        },
    }
