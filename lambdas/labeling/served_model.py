"""Which model package answers behind an endpoint, of each kind."""

from typing import Any

from botocore.exceptions import ClientError


class NotServing(Exception):  # noqa: N818 - says what there is instead
    """No model package answers there now, or nobody can tell which one."""


def served_package(sagemaker: Any, endpoint: str, component: str | None) -> str:
    """The ARN of the model package in service; NotServing without one, and in the middle of a change."""
    found = _found(f"endpoint {endpoint}", sagemaker.describe_endpoint, EndpointName=endpoint)
    _demand_in_service(f"the endpoint {endpoint}", found["EndpointStatus"])
    if component is None:
        name = found["EndpointConfigName"]
        config = _found(
            f"endpoint config {name}", sagemaker.describe_endpoint_config, EndpointConfigName=name
        )
        model = config["ProductionVariants"][0].get("ModelName")
    else:
        found = _found(
            f"inference component {component}",
            sagemaker.describe_inference_component,
            InferenceComponentName=component,
        )
        _demand_in_service(f"the inference component {component}", found["InferenceComponentStatus"])
        model = found["Specification"].get("ModelName")
    if not model:
        raise NotServing(f"the endpoint {endpoint} has no model yet")
    container = _found(f"model {model}", sagemaker.describe_model, ModelName=model)["PrimaryContainer"]
    if not container.get("ModelPackageName"):
        raise NotServing(f"the endpoint {endpoint} serves a model that is made from no package")
    return str(container["ModelPackageName"])


def _demand_in_service(what: str, status: str) -> None:
    if status != "InService":
        raise NotServing(f"{what} is {status}")


def _found(what: str, describe: Any, **name: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = describe(**name)
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if code.startswith("ResourceNotFound") or "Could not find" in message:
            raise NotServing(f"there is no {what}") from None
        raise
    return found
