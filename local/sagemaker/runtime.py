"""SageMaker Runtime: InvokeEndpoint."""

from __future__ import annotations

import http.client
import time
from typing import Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.sagemaker.deployment import Deployment, Variant
from local.sagemaker.endpoints import Endpoints
from local.sagemaker.inference_components import InferenceComponents
from local.sagemaker.instance import Instance, Reply
from local.sagemaker.refuse import refuse_given

_SERVERLESS_BYTES = 4 * 1024 * 1024
_REAL_TIME_BYTES = 6 * 1024 * 1024
_TIMEOUT_SECONDS = 60.0


class Runtime:
    """Forwards requests to the endpoints' servers, and counts them."""

    def __init__(self, endpoints: Endpoints, components: InferenceComponents) -> None:
        self._endpoints, self._components = endpoints, components

    def resource_arns(self, call: Call, operation: str, parameters: dict[str, Any]) -> list[str]:
        """Give the endpoint, and the inference component asked for, that IAM checks the call against."""
        component = parameters.get("InferenceComponentName")
        return [
            call.arn("sagemaker", f"endpoint/{parameters['EndpointName'].lower()}"),
            *([call.arn("sagemaker", f"inference-component/{component}")] if component else []),
        ]

    def invoke_endpoint(self, call: Call, **request: Any) -> dict[str, Any]:
        """Serve InvokeEndpoint."""
        name, body = request["EndpointName"], request.get("Body", b"")
        refuse_given("InvokeEndpoint", request, "TargetModel", "TargetContainerHostname")
        refuse_given("InvokeEndpoint", request, "EnableExplanations", "SessionId")
        deployment = self._endpoints.serving(name)
        if deployment is None:
            raise AwsError("ValidationError", f"Endpoint {name} of account {call.account} not found.")
        variant = self._components.asked_for(deployment.config, request)
        variant = variant or self._variant(deployment, request.get("TargetVariant"))
        limit = _SERVERLESS_BYTES if variant.serverless else _REAL_TIME_BYTES
        if len(body) > limit:
            raise AwsError("413", f"HTTP content length exceeded {limit} bytes.", 413)
        reply = self._counted(name, variant, body, _headers(request))
        if len(reply.body) > limit:
            raise _model_error(
                500, f"the answer of {len(reply.body)} bytes is longer than {limit}", call, name
            )
        if reply.status != http.HTTPStatus.OK:
            raise _model_error(reply.status, reply.body.decode(errors="replace"), call, name)
        answer = {
            "Body": reply.body,
            "ContentType": reply.content_type,
            "InvokedProductionVariant": variant.name,
        }
        return {**answer, "CustomAttributes": reply.custom_attributes}

    def _variant(self, deployment: Deployment, name: str | None) -> Variant:
        variant = deployment.choose(name)
        if variant is None:
            raise AwsError("ValidationError", f"Variant {name} does not exist.")
        return variant

    def _counted(self, name: str, variant: Variant, body: bytes, headers: dict[str, str]) -> Reply:
        instance = variant.pick()
        if instance is None:
            raise AwsError("ServiceUnavailable", f"No instance of variant {variant.name} is healthy.", 503)
        if variant.at_once and not variant.at_once.acquire(blocking=False):
            raise AwsError("ThrottlingException", f"Rate exceeded: MaxConcurrency of {variant.name}.", 429)
        start, failed = time.perf_counter(), True
        try:
            reply = _forward(instance, body, headers)
            failed = reply.status != http.HTTPStatus.OK
            return reply
        finally:
            if variant.at_once:
                variant.at_once.release()
            milliseconds = (time.perf_counter() - start) * 1000
            self._endpoints.requests.count(name, variant.name, milliseconds, failed=failed)


def _forward(instance: Instance, body: bytes, headers: dict[str, str]) -> Reply:
    try:
        return instance.invoke(body, headers, _TIMEOUT_SECONDS)
    except TimeoutError:
        text = f"the model did not answer within {_TIMEOUT_SECONDS:.0f} s"
        return Reply(http.HTTPStatus.GATEWAY_TIMEOUT.value, "text/plain", None, text.encode())
    except (OSError, http.client.HTTPException) as error:
        raise AwsError("ServiceUnavailable", f"The instance that answered is gone: {error}", 503) from error


def _headers(request: dict[str, Any]) -> dict[str, str]:
    given = {
        "Content-Type": request.get("ContentType"),
        "Accept": request.get("Accept"),
        "X-Amzn-SageMaker-Custom-Attributes": request.get("CustomAttributes"),
        "X-Amzn-SageMaker-Inference-Id": request.get("InferenceId"),
    }
    return {name: value for name, value in given.items() if value is not None}


def _model_error(status: int, text: str, call: Call, endpoint: str) -> AwsError:
    who = "client" if status < 500 else "server"
    logs = call.arn("logs", f"log-group:/aws/sagemaker/Endpoints/{endpoint}")
    message = f'Received {who} error ({status}) from primary with message "{text[:2000]}".'
    details = {"OriginalStatusCode": status, "OriginalMessage": text[:2000], "LogStreamArn": logs}
    return AwsError("ModelError", message, 424, details)
