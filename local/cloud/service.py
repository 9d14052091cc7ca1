"""The server side of an AWS API, driven by botocore's own model of it: JSON and REST-JSON protocols.

A request is parsed, then checked against the modelled input shape (types, required members, ranges,
enumerations, patterns), so that what AWS refuses by shape is refused here too. An answer is checked against
the output shape, so that nothing is answered that AWS could not answer.
"""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.parse import unquote

import botocore.session
from botocore import xform_name

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.cloud.shapes import report

Parameters = dict[str, Any]
Shape = Any  # botocore publishes no types

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
        headers = {"content-type": self._content_type, **_headers(present, shape)}
        payload = shape.serialization.get("payload")
        if payload and shape.members[payload].type_name in ("blob", "string"):
            content = present.get(payload, b"")
            return Response(status, headers, content.encode() if isinstance(content, str) else content)
        if payload:
            document = _to_wire(present.get(payload, {}), shape.members[payload])
            return Response(status, headers, json.dumps(document).encode())
        body = {n: v for n, v in present.items() if not _location(shape.members[n])}
        return Response(status, headers, json.dumps(_to_wire(body, shape)).encode())


def _location(member: Shape) -> str | None:
    location: str | None = member.serialization.get("location")
    return location


def _wire_name(name: str, member: Shape) -> str:
    return str(member.serialization.get("name", name))


def _parse_body(shape: Shape, request: Request) -> Parameters:
    payload = shape.serialization.get("payload")
    if payload and shape.members[payload].type_name in ("blob", "string"):
        text = shape.members[payload].type_name == "string"
        return {payload: request.body.decode() if text else request.body}
    if not request.body:
        return {}
    try:
        document = json.loads(request.body)
    except ValueError as error:
        raise AwsError("SerializationException", f"the body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise AwsError("SerializationException", "the body is not a JSON object")
    if payload:
        return {payload: _from_wire(document, shape.members[payload])}
    parsed = _from_wire(document, shape)
    assert isinstance(parsed, dict)  # noqa: S101 - a document parses to a document
    return parsed


def _parse_outside_body(name: str, member: Shape, route: Route, request: Request) -> object | None:
    location, wire = _location(member), _wire_name(name, member)
    if location == "uri":
        return _scalar(route.path_parameters[wire], member)
    if location == "querystring" and wire in request.query:
        values = request.query[wire]
        if member.type_name == "list":
            return [_scalar(value, member.member) for value in values]
        return _scalar(values[0], member)
    if location == "header" and wire.lower() in request.headers:
        return _scalar(request.headers[wire.lower()], member)
    if location == "headers":
        found = {k[len(wire) :]: v for k, v in request.headers.items() if k.startswith(wire.lower())}
        return found or None
    return None


def _scalar(text: str, shape: Shape) -> object:
    try:
        if shape.type_name in ("integer", "long"):
            return int(text)
        if shape.type_name in ("float", "double"):
            return float(text)
        if shape.type_name == "boolean":
            return {"true": True, "false": False}[text.lower()]
        if shape.type_name == "timestamp":
            return _from_timestamp(text)
    except (KeyError, ValueError) as error:
        raise AwsError("SerializationException", f"{text!r} is no {shape.type_name}") from error
    return text


def _from_timestamp(value: object) -> datetime:
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    text = str(value)
    if text[:1].isalpha():
        return parsedate_to_datetime(text)
    return datetime.fromisoformat(text)


def _from_wire(value: Any, shape: Shape) -> Any:
    """Turn parsed JSON into what boto3's parameters look like; what does not fit is left for the check."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict) and not shape.is_document_type:
        by_wire = {_wire_name(name, member): name for name, member in shape.members.items()}
        return {
            by_wire.get(key, key): _from_wire(item, shape.members[by_wire[key]]) if key in by_wire else item
            for key, item in value.items()
            if item is not None
        }
    if kind == "list" and isinstance(value, list):
        return [_from_wire(item, shape.member) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: _from_wire(item, shape.value) for key, item in value.items()}
    if kind == "blob" and isinstance(value, str):
        return base64.b64decode(value)
    if kind == "timestamp" and isinstance(value, int | float | str):
        return _from_timestamp(value)
    return value


def _to_wire(value: Any, shape: Shape) -> Any:
    kind = shape.type_name
    if kind == "structure" and not shape.is_document_type:
        return {
            _wire_name(name, shape.members[name]): _to_wire(item, shape.members[name])
            for name, item in value.items()
            if item is not None
        }
    if kind == "list":
        return [_to_wire(item, shape.member) for item in value]
    if kind == "map":
        return {key: _to_wire(item, shape.value) for key, item in value.items()}
    if kind == "blob":
        return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
    if kind == "timestamp":
        return _to_timestamp(value, shape.serialization.get("timestampFormat", "unixTimestamp"))
    return value


def _to_timestamp(value: Any, form: str) -> float | str:
    moment = datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else value
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if form == "iso8601":
        return str(moment.astimezone(UTC).isoformat().replace("+00:00", "Z"))
    if form == "rfc822":
        return format_datetime(moment.astimezone(UTC), usegmt=True)
    return float(moment.timestamp())


def _headers(result: Parameters, shape: Shape) -> dict[str, str]:
    headers = {}
    for name, value in result.items():
        member = shape.members[name]
        if _location(member) == "header":
            form = member.serialization.get("timestampFormat", "rfc822")
            text = _to_timestamp(value, form) if member.type_name == "timestamp" else value
            headers[_wire_name(name, member).lower()] = (
                str(text).lower() if isinstance(text, bool) else str(text)
            )
    return headers
