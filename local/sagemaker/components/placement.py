"""Where an inference component goes: a variant, without a model, of an endpoint that serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.sagemaker.hosting.endpoints import Endpoints
from local.sagemaker.hosting.hosting_variant import is_hosting
from local.sagemaker.table import Record


def place(endpoints: Endpoints, call: Call, request: Mapping[str, Any]) -> Record:
    """Give the fields that say where a new component is; AwsError where it cannot be there."""
    endpoint = endpoints.describe_endpoint(call, EndpointName=request["EndpointName"])
    fleet = endpoints.serving(endpoint["EndpointName"])
    if fleet is None:
        raise AwsError("ValidationException", f'Endpoint "{endpoint["EndpointArn"]}" is not InService.')
    hosts = [v["VariantName"] for v in fleet.config["ProductionVariants"] if is_hosting(v)]
    if not hosts:
        message = f'Endpoint "{endpoint["EndpointArn"]}" hosts models, not inference components.'
        raise AwsError("ValidationException", message)
    if request.get("VariantName") not in hosts:
        message = f"VariantName must be one of the endpoint's variants: {', '.join(hosts)}."
        raise AwsError("ValidationException", message)
    return {
        "EndpointName": endpoint["EndpointName"],
        "EndpointArn": endpoint["EndpointArn"],
        "VariantName": request["VariantName"],
    }
