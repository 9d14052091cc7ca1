"""From an endpoint to the model package behind it, whichever of a tree's components is asked for."""

from __future__ import annotations

from typing import Any

from local.audit.finding import Audit
from local.audit.running import on_endpoint

PACKAGE = "arn:aws:sagemaker:eu-west-1:111122223333:model-package/line-flowers/3"


class Endpoints:
    """An endpoint of components, and one that has a model of its own."""

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        return {"EndpointConfigName": f"{EndpointName}-config", "EndpointStatus": "InService"}

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N803
        alone = {} if "species" in EndpointConfigName else {"ModelName": "line-tags-prod-1"}
        return {"ProductionVariants": [alone]}

    def describe_inference_component(self, InferenceComponentName: str) -> dict[str, Any]:  # noqa: N803
        return {"Specification": {"ModelName": f"{InferenceComponentName}-3"}}

    def describe_model(self, ModelName: str) -> dict[str, Any]:  # noqa: N803
        named = {"line-flowers-prod-3": PACKAGE, "line-tags-prod-1": PACKAGE.replace("flowers/3", "tags/1")}
        return {"Containers": [{"ModelPackageName": named[ModelName]}]}


def test_a_component_leads_to_its_own_package_and_not_to_its_neighbours() -> None:
    audit = Audit(lambda _line: None)
    running = on_endpoint(audit, Endpoints(), "line-species-prod", component="line-flowers-prod")
    assert running.package_arn == PACKAGE
    assert audit.broken == []


def test_an_endpoint_without_components_leads_to_its_model() -> None:
    running = on_endpoint(
        Audit(lambda _line: None), Endpoints(), "line-tags-prod", component="line-tags-prod"
    )
    assert running.package_arn.endswith("line-tags/1")
