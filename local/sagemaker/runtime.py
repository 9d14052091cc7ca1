"""SageMaker Runtime: InvokeEndpoint."""

from __future__ import annotations

import http.client
import time
import uuid
from dataclasses import dataclass
from typing import Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.sagemaker.components.inference_components import HostedComponent, InferenceComponents
from local.sagemaker.hosting.endpoints import Endpoints
from local.sagemaker.hosting.instance import Reply
from local.sagemaker.hosting.live import Live
from local.sagemaker.hosting.traffic import Taken
from local.sagemaker.hosting.variant import Variant
from local.sagemaker.refuse import refuse_given

_SERVERLESS_BYTES = 4 * 1024 * 1024
_REAL_TIME_BYTES = 25 * 1024 * 1024
_TIMEOUT_SECONDS = 60.0
_OK = http.HTTPStatus.OK.value
# How AWS words it when the container is too slow or goes away; it has no status of the container then.
_NO_STATUS = 0
_TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency "
    "metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
)
_GONE = (
    "Amazon SageMaker could not get a response from the {} endpoint. This can occur when CPU or memory "
    "utilization is high. To check your utilization, see Amazon CloudWatch. To fix this problem, use an "
    "instance type with more CPU capacity or memory."
)


@dataclass
class _Asked:
    """One request and what became of it."""

    endpoint: str
    live: Live
    variant: Variant | None
    body: bytes
    headers: dict[str, str]
    started: float
    status: int = 503
    model_seconds: float = 0.0


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
        started, name = time.perf_counter(), request["EndpointName"]
        refuse_given("InvokeEndpoint", request, "TargetModel", "TargetContainerHostname")
        refuse_given("InvokeEndpoint", request, "EnableExplanations", "SessionId")
        live = self._endpoints.live(name)
        if live is None or not live.traffic.portions:
            raise AwsError("ValidationError", f"Endpoint {name} of account {call.account} not found.")
        config, body = live.traffic.portions[0].fleet.config, request.get("Body", b"")
        component = self._components.asked_for(config, request)
        serverless = any("ServerlessConfig" in variant for variant in config["ProductionVariants"])
        limit = _SERVERLESS_BYTES if serverless else _REAL_TIME_BYTES
        if len(body) > limit:
            raise _too_long(limit)
        asked = _Asked(live.name, live, component, body, _headers(request), started)
        reply, taken = self._answer(asked, request.get("TargetVariant"))
        if len(reply.body) > limit:
            raise _model_error(
                500, f"the answer of {len(reply.body)} bytes is longer than {limit}", call, name
            )
        if reply.status != _OK:
            raise _model_error(reply.status, reply.body.decode(errors="replace"), call, name)
        return {
            "Body": reply.body,
            "ContentType": reply.content_type,
            "InvokedProductionVariant": taken.variant.name,
            "CustomAttributes": reply.custom_attributes,
        }

    def _answer(self, asked: _Asked, variant: str | None) -> tuple[Reply, Taken]:
        """Ask instances until one has taken the request: what was refused has reached no model."""
        refused: list[object] = []
        while True:
            taken = self._take(asked, variant)
            try:
                return self._forward(asked, taken), taken
            except ConnectionRefusedError:
                refused.append(taken.instance)
                if len(refused) > _most_tries(asked.live):
                    raise _unavailable(taken.variant) from None
            finally:
                taken.instance.release()

    def _take(self, asked: _Asked, name: str | None) -> Taken:
        traffic = asked.live.traffic
        fleet = traffic.portions[0].fleet.name if traffic.portions else ""
        found = _hosted(asked.variant, fleet) if asked.variant else traffic.take(name)
        if found is None:
            raise AwsError("ValidationError", f"Variant {name} does not exist.")
        if isinstance(found, Variant):
            self._count(asked, found, fleet)
            raise _unavailable(found)
        return found

    def _forward(self, asked: _Asked, taken: Taken) -> Reply:
        gate = taken.variant.at_once
        if gate and not gate.acquire(blocking=False):
            asked.status = http.HTTPStatus.TOO_MANY_REQUESTS.value
            self._count(asked, taken.variant, taken.fleet)
            message = f"Rate exceeded: MaxConcurrency of {taken.variant.name}."
            raise AwsError("ThrottlingException", message, asked.status)
        before = time.perf_counter()
        try:
            reply = _invoke(asked, taken)
        finally:
            if gate:
                gate.release()
        asked.model_seconds, asked.status = time.perf_counter() - before, reply.status
        self._count(asked, taken.variant, taken.fleet)
        return reply

    def _count(self, asked: _Asked, variant: Variant, fleet: str) -> None:
        seconds = time.perf_counter() - asked.started
        failed = asked.status != _OK
        self._endpoints.requests.count(asked.endpoint, variant.name, fleet, seconds * 1000, failed=failed)
        hosted = variant if isinstance(variant, HostedComponent) else None
        self._endpoints.metrics.count(
            asked.endpoint,
            variant.name,
            status=asked.status,
            model_seconds=asked.model_seconds,
            total_seconds=seconds,
            instances=None if variant.serverless else variant.desired or len(variant.instances),
            component=hosted.component if hosted else None,
            copies=hosted.copies.count if hosted else None,
            config=fleet or None,
        )


def _hosted(component: Variant, fleet: str) -> Taken | Variant:
    instance = component.take()
    return Taken(fleet, component, instance) if instance else component


def _invoke(asked: _Asked, taken: Taken) -> Reply:
    try:
        return taken.instance.invoke(asked.body, asked.headers, _TIMEOUT_SECONDS)
    except TimeoutError:
        return Reply(_NO_STATUS, "text/plain", None, _TIMED_OUT.encode())
    except ConnectionRefusedError:
        raise
    except (OSError, http.client.HTTPException):
        return Reply(_NO_STATUS, "text/plain", None, _GONE.format(asked.endpoint).encode())


def _most_tries(live: Live) -> int:
    return sum(len(v.instances) for p in live.traffic.portions for v in p.fleet.variants) + 1


def _too_long(limit: int) -> AwsError:
    if limit == _SERVERLESS_BYTES:
        return AwsError("ValidationError", f"Request {uuid.uuid4()} has oversize body.")
    return AwsError("413", f"HTTP content length exceeded {limit} bytes.", 413)


def _unavailable(variant: Variant) -> AwsError:
    return AwsError("ServiceUnavailable", f"No instance of variant {variant.name} is healthy.", 503)


def _headers(request: dict[str, Any]) -> dict[str, str]:
    given = {
        "Content-Type": request.get("ContentType"),
        "Accept": request.get("Accept"),
        "X-Amzn-SageMaker-Custom-Attributes": request.get("CustomAttributes"),
        "X-Amzn-SageMaker-Inference-Id": request.get("InferenceId"),
    }
    return {name: value for name, value in given.items() if value is not None}


def _model_error(status: int, text: str, call: Call, endpoint: str) -> AwsError:
    who = "client" if 400 <= status < 500 else "server"
    logs = call.arn("logs", f"log-group:/aws/sagemaker/Endpoints/{endpoint}")
    message = f'Received {who} error ({status}) from primary with message "{text[:2000]}".'
    details = {"OriginalStatusCode": status, "OriginalMessage": text[:2000], "LogStreamArn": logs}
    return AwsError("ModelError", message, 424, details)
