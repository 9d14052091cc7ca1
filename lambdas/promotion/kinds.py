"""One way to deploy, look and go back, whatever the kind of the endpoint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.promotion import components, whole_endpoints
from lambdas.promotion.endpoints import (
    BROKEN,
    NO_TAGS,
    SETTLED,
    Begun,
    EndpointBusy,
    KindChanged,
    Progress,
    describe,
    kind_of,
)
from lambdas.promotion.settings import EndpointSettings


@dataclass(frozen=True)
class Serving:
    """What an endpoint serves: its kind, endpoint config, SageMaker model, component; None where nothing."""

    kind: str | None = None
    config: str | None = None
    model: str | None = None
    component: str | None = None


def serving(sagemaker: Any, name: str, component: str | None = None) -> Serving:
    """Read what serves now; EndpointBusy in the middle of a change.

    `component` is asked for where the endpoint is one of components; by default that of its name.
    """
    endpoint = describe(sagemaker, name)
    if endpoint is None:
        return Serving()
    if endpoint.status not in SETTLED:
        raise EndpointBusy(f"{name} is {endpoint.status}")
    if endpoint.status != "InService":
        return Serving()
    own_name = component or name
    found = _of_config(sagemaker, own_name, endpoint.config)
    if found.kind != "components":
        return found
    state = components.describe_component(sagemaker, own_name)
    if state is not None and state.status not in ("InService", "Failed"):
        raise EndpointBusy(f"the inference component {own_name} is {state.status}")
    return found


def serving_model(sagemaker: Any, name: str, component: str | None = None) -> str | None:
    """Name the SageMaker model that an endpoint is known to serve, also while something else comes."""
    endpoint = describe(sagemaker, name)
    if endpoint is None or not endpoint.config:
        return None
    return _of_config(sagemaker, component or name, endpoint.config).model


def gets_new_fleet(sagemaker: Any, settings: EndpointSettings, config: str) -> bool:
    """Whether the change to this config, which has not begun, brings instances that are watched alone."""
    endpoint = describe(sagemaker, settings.name)
    if settings.kind != "realtime" or endpoint is None or endpoint.status != "InService":
        return False
    return endpoint.config != config


def refuse_another(sagemaker: Any, settings: EndpointSettings) -> None:
    """Raise KindChanged where the endpoint is there and of another kind than it is configured to be."""
    endpoint = describe(sagemaker, settings.name)
    if endpoint is None or not endpoint.config or endpoint.status in (*BROKEN, "Deleting"):
        return
    served = kind_of(sagemaker.describe_endpoint_config(EndpointConfigName=endpoint.config))
    if served != settings.kind:
        raise KindChanged(
            f"{settings.name} is {served} and is configured as {settings.kind}; SageMaker changes no "
            "endpoint's kind: delete it when nobody asks it, then promote again"
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
    """Begin to serve this release; safe to repeat. EndpointBusy."""
    if settings.component_name is not None:
        return components.begin(sagemaker, settings, config=config, model=model, alarms=alarms, tags=tags)
    return whole_endpoints.begin(sagemaker, settings, config=config, alarms=alarms, tags=tags)


def progress(sagemaker: Any, deployed: Mapping[str, Any]) -> Progress:
    """Tell how far what deploy_endpoint began is; EndpointFailed where nothing serves."""
    if deployed["component"] is not None:
        return components.progress(sagemaker, deployed["component"], deployed["model_name"])
    return whole_endpoints.progress(sagemaker, deployed["endpoint"], deployed["config"])


def put_back(
    sagemaker: Any,
    settings: EndpointSettings,
    before: Mapping[str, Any],
    tags: Mapping[str, str] = NO_TAGS,
    others: Sequence[str] = (),
) -> bool:
    """Take the next step to what read_endpoint found; True when there.

    `others` name the components that may share the endpoint: they keep it.
    """
    kind = before.get("kind") or settings.kind
    if kind == "components":
        model = before.get("model_name")
        return components.put_back(
            sagemaker, settings, config=before["config"], model=model, tags=tags, others=others
        )
    return whole_endpoints.put_back(sagemaker, settings, before["config"], tags)


def _of_config(sagemaker: Any, own_name: str, config: str) -> Serving:
    described = sagemaker.describe_endpoint_config(EndpointConfigName=config)
    kind = kind_of(described)
    if kind != "components":
        return Serving(kind, config, described["ProductionVariants"][0]["ModelName"])
    component = components.describe_component(sagemaker, own_name)
    if component is None or not component.model:
        return Serving(kind, config)
    return Serving(kind, config, component.model, own_name)
