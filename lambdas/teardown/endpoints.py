"""Remove what promotions made at run time: endpoints with what guards and scales them, configs, models."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from lambdas.teardown.deadline import Deadline
from lambdas.teardown.gone import is_gone, unless_gone

_LOOK_EVERY_SECONDS = 5


def let_go(
    scaling: Any, cloudwatch: Any, targets: Sequence[Mapping[str, str]], alarms: Sequence[str]
) -> None:
    """Let nothing scale what is about to go, and nothing ring for it."""
    for target in targets:
        unless_gone(
            scaling.deregister_scalable_target,
            ServiceNamespace="sagemaker",
            ResourceId=target["ResourceId"],
            ScalableDimension=target["Dimension"],
        )
    for alarm in alarms:
        unless_gone(cloudwatch.delete_alarms, AlarmNames=[alarm])


def remove_components(sagemaker: Any, components: Sequence[str], deadline: Deadline) -> None:
    """Delete inference components and wait until they are gone: they hold their endpoints."""
    for name in components:
        describe = sagemaker.describe_inference_component
        while (found := unless_gone(describe, InferenceComponentName=name)) is not None:
            status = found["InferenceComponentStatus"]
            if status in ("InService", "Failed"):
                unless_gone(sagemaker.delete_inference_component, InferenceComponentName=name)
            deadline.wait(_LOOK_EVERY_SECONDS, f"deleting the inference component {name}, {status}")


def remove(sagemaker: Any, endpoints: Sequence[str], prefixes: Sequence[str], deadline: Deadline) -> None:
    """Delete the endpoints of these names, and the configs and models whose names begin with a prefix."""
    for name in endpoints:
        _delete_endpoint(sagemaker, name, deadline)
    for prefix in prefixes:
        for config in _named(sagemaker, "list_endpoint_configs", "EndpointConfig", prefix):
            deadline.check(f"deleting the endpoint config {config}")
            unless_gone(sagemaker.delete_endpoint_config, EndpointConfigName=config)
        for model in _named(sagemaker, "list_models", "Model", prefix):
            deadline.check(f"deleting the model {model}")
            unless_gone(sagemaker.delete_model, ModelName=model)


def _delete_endpoint(sagemaker: Any, name: str, deadline: Deadline) -> None:
    """Delete an endpoint and wait until it is gone; SageMaker refuses while it is being changed."""
    while (found := unless_gone(sagemaker.describe_endpoint, EndpointName=name)) is not None:
        if found["EndpointStatus"] != "Deleting":
            _ask_to_delete(sagemaker, name)
        deadline.wait(_LOOK_EVERY_SECONDS, f"deleting the endpoint {name}, {found['EndpointStatus']}")


def _ask_to_delete(sagemaker: Any, name: str) -> None:
    try:
        sagemaker.delete_endpoint(EndpointName=name)
    except ClientError as error:
        busy = "in-progress" in str(error) or "in progress" in str(error)
        if not busy and not is_gone(error):
            raise


def _named(sagemaker: Any, operation: str, word: str, prefix: str) -> Iterator[str]:
    """List names that begin with the prefix; they are read whole, since deleting moves the pages."""
    pages = sagemaker.get_paginator(operation).paginate(NameContains=prefix)
    names = [item[f"{word}Name"] for page in pages for item in page[f"{word}s"]]
    return (name for name in names if name.startswith(prefix))
