"""The server side of an AWS API, driven by botocore's own model of it: JSON and REST-JSON protocols.

A request is parsed, then checked against the modelled input shape (types, required members, ranges,
enumerations, patterns), so that what AWS refuses by shape is refused here too. An answer is checked against
the output shape, so that nothing is answered that AWS could not answer.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import botocore.session
from botocore import xform_name

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.cloud.shapes import report
from local.cloud.wire import Shape, document_in, from_wire, headers_of, place_of, scalar, to_wire, wire_name

Parameters = dict[str, Any]

_LOADER = botocore.session.Session()
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """One HTTP request; header names in lower case, the path not yet unquoted."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Response:
    """One HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Route:
    """The operation that a request asks for, and what the path says."""

    operation: str
    path_parameters: Mapping[str, str]


class LocalService:
    """One botocore service model, served by an object.

    `implementation` has a method per operation that it serves, named as boto3 names it:
    `create_training_job(call, **parameters) -> dict | None`. It may also have methods that say what IAM
    checks of a call; operations are named as in the model, "CreateTrainingJob".

    - `resource_arns(call, operation, parameters) -> list[str]`: the resources (default `["*"]`).
    - `conditions(operation, parameters) -> dict[str, str]`: the service's condition keys, and their values.
    - `further_actions(call, operation, parameters) -> list[tuple[str, str]]`: actions that the caller must be
      allowed beside the operation's own, each with its resource.
    - `pass_roles(operation, parameters) -> list[str]`: roles that the caller must be allowed to pass on.
    - `home(call, operation, parameters) -> str`: the account that performs a call on what it shares with
      others (default: the caller's).
    """

    def __init__(self, service_name: str, implementation: object) -> None:
        self.name = service_name
        self.model = _LOADER.get_service_model(service_name)
        self.protocol: str = self.model.resolved_protocol  # the one of several that boto3 speaks
        if self.protocol not in ("json", "rest-json"):
            raise ValueError(f"{service_name}: protocol {self.protocol} is not served by the local cloud")
        self._implementation = implementation
        self._routes = [] if self.protocol == "json" else self._path_patterns()

    @property
    def iam_prefix(self) -> str:
        """The service's part of an IAM action; also its signing scope."""
        return str(self.model.signing_name)

    @property
    def service_principal(self) -> str:
        """What `iam:PassedToService` must hold for the roles that the service is given."""
        return f"{self.iam_prefix}.amazonaws.com"

    def route(self, request: Request) -> Route | None:
        """Return the operation that `request` asks for, or None when it is not one of this service."""
        if self.protocol == "json":
            prefix, _, operation = request.headers.get("x-amz-target", "").rpartition(".")
            known = prefix == self.model.metadata["targetPrefix"] and operation in self.model.operation_names
            return Route(operation, {}) if known else None
        for method, pattern, operation in self._routes:
            match = pattern.fullmatch(request.path) if method == request.method else None
            if match:
                return Route(operation, {name: unquote(value) for name, value in match.groupdict().items()})
        return None

    def serves(self, operation: str) -> bool:
        """Tell whether the implementation has the operation."""
        return hasattr(self._implementation, xform_name(operation))

    def parse(self, route: Route, request: Request) -> Parameters:
        """Return the operation's parameters.

        Raises AwsError ValidationException when the request is not what the model asks for.
        """
        shape = self.model.operation_model(route.operation).input_shape
        if shape is None:
            return {}
        parameters = _parse_body(shape, request)
        for name, member in shape.members.items():
            value = _parse_outside_body(name, member, route, request)
            if value is not None:
                parameters[name] = value
        if problems := report(parameters, shape):
            raise AwsError("ValidationException", f"{self.name}:{route.operation}: {problems}")
        return parameters

    def resource_arns(self, call: Call, operation: str, parameters: Parameters) -> list[str]:
        """Return the IAM resources that the call touches."""
        find = getattr(self._implementation, "resource_arns", None)
        return list(find(call, operation, parameters)) if find else ["*"]

    def conditions(self, operation: str, parameters: Parameters) -> dict[str, str]:
        """Return the condition keys of the service that the call has a value for."""
        find = getattr(self._implementation, "conditions", None)
        return dict(find(operation, parameters)) if find else {}

    def pass_roles(self, operation: str, parameters: Parameters) -> list[str]:
        """Return the ARNs of the roles that the call hands to the service."""
        find = getattr(self._implementation, "pass_roles", None)
        return list(find(operation, parameters)) if find else []

    def further_actions(self, call: Call, operation: str, parameters: Parameters) -> list[tuple[str, str]]:
        """Return what the caller must be allowed beside the operation itself: actions and their resources."""
        find = getattr(self._implementation, "further_actions", None)
        return list(find(call, operation, parameters)) if find else []

    def home(self, call: Call, operation: str, parameters: Parameters) -> str:
        """Return the account whose service performs the call."""
        find = getattr(self._implementation, "home", None)
        return str(find(call, operation, parameters)) if find else call.account

    def perform(self, call: Call, operation: str, parameters: Parameters) -> Response:
        """Call the implementation.

        Raises AwsError as the implementation does, or when nothing serves the operation, or when the answer
        is not one that AWS could give.
        """
        method = getattr(self._implementation, xform_name(operation), None)
        if method is None:
            raise AwsError(
                "UnsupportedOperation", f"{self.name}:{operation} is not served by the local cloud", 501
            )
        result = method(call, **parameters) or {}
        return self._answer(operation, result)

    def error(self, error: AwsError) -> Response:
        """Return `error` as this service puts it on the wire."""
        body = {"__type": error.code, "message": error.message, **error.details}
        headers = {"content-type": self._content_type, "x-amzn-errortype": error.code}
        return Response(error.status, headers, json.dumps(body).encode())

    @property
    def _content_type(self) -> str:
        if self.protocol == "rest-json":
            return "application/json"
        return f"application/x-amz-json-{self.model.metadata['jsonVersion']}"

    def _path_patterns(self) -> list[tuple[str, re.Pattern[str], str]]:
        found = []
        for operation in self.model.operation_names:
            http = self.model.operation_model(operation).http
            template = re.escape(http["requestUri"].partition("?")[0])
            pattern = re.sub(
                r"\\\{(\w+)(\\\+)?\\\}", lambda m: f"(?P<{m[1]}>{'.+' if m[2] else '[^/]+'})", template
            )
            found.append((http["method"], re.compile(pattern), operation))
        # The most literal pattern first: /components/{arn} must not swallow a longer path of a greedy label.
        return sorted(found, key=lambda entry: ("(?P" in entry[1].pattern, ".+" in entry[1].pattern))

    def _answer(self, operation: str, result: Parameters) -> Response:
        model = self.model.operation_model(operation)
        shape = model.output_shape
        status = int(model.http.get("responseCode", 200))
        if shape is None:
            return Response(status, {"content-type": self._content_type}, b"")
        present = {name: value for name, value in result.items() if value is not None}
        # AWS answers empty lists also where its model wants one item at least.
        checked = {
            name: value
            for name, value in present.items()
            if value != [] or name not in shape.members or not shape.members[name].metadata.get("min")
        }
        if problems := report(checked, shape):
            _LOG.error("%s:%s answers what AWS could not: %s", self.name, operation, problems)
            raise AwsError(
                "InternalFailure", f"{self.name}:{operation} answers what AWS could not: {problems}", 500
            )
        headers = {"content-type": self._content_type, **headers_of(present, shape)}
        payload = shape.serialization.get("payload")
        if payload and shape.members[payload].type_name in ("blob", "string"):
            content = present.get(payload, b"")
            return Response(status, headers, content.encode() if isinstance(content, str) else content)
        if payload:
            document = to_wire(present.get(payload, {}), shape.members[payload])
            return Response(status, headers, json.dumps(document).encode())
        body = {n: v for n, v in present.items() if not place_of(shape.members[n])}
        return Response(status, headers, json.dumps(to_wire(body, shape)).encode())


def _parse_body(shape: Shape, request: Request) -> Parameters:
    payload = shape.serialization.get("payload")
    if payload and shape.members[payload].type_name in ("blob", "string"):
        text = shape.members[payload].type_name == "string"
        return {payload: request.body.decode() if text else request.body}
    if not request.body:
        return {}
    document = document_in(request.body)
    if payload:
        return {payload: from_wire(document, shape.members[payload])}
    parsed: Parameters = from_wire(document, shape)
    return parsed


def _parse_outside_body(name: str, member: Shape, route: Route, request: Request) -> object | None:
    place, wire = place_of(member), wire_name(name, member)
    if place == "uri":
        return scalar(route.path_parameters[wire], member)
    if place == "querystring" and wire in request.query:
        values = request.query[wire]
        if member.type_name == "list":
            return [scalar(value, member.member) for value in values]
        return scalar(values[0], member)
    if place == "header" and wire.lower() in request.headers:
        return scalar(request.headers[wire.lower()], member)
    if place == "headers":
        found = {k[len(wire) :]: v for k, v in request.headers.items() if k.startswith(wire.lower())}
        return found or None
    return None
