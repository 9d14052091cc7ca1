"""What botocore's shapes mean on the wire: values of JSON, of paths, queries and headers, and back."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from local.cloud.errors import AwsError

Shape = Any  # botocore publishes no types


def place_of(member: Shape) -> str | None:
    """Where a member of a request or an answer is: uri, querystring, header, headers; None: in the body."""
    place: str | None = member.serialization.get("location")
    return place


def wire_name(name: str, member: Shape) -> str:
    """The name that a member has there."""
    return str(member.serialization.get("name", name))


def document_in(body: bytes) -> dict[str, Any]:
    """Read a body. Raises AwsError SerializationException where it is no JSON object."""
    try:
        document = json.loads(body)
    except ValueError as error:
        raise AwsError("SerializationException", f"the body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise AwsError("SerializationException", "the body is not a JSON object")
    return document


def scalar(text: str, shape: Shape) -> object:
    """Read a value outside the body. Raises AwsError SerializationException."""
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


def from_wire(value: Any, shape: Shape) -> Any:
    """Turn parsed JSON into what boto3's parameters look like; what does not fit is left for the check."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict) and not shape.is_document_type:
        by_wire = {wire_name(name, member): name for name, member in shape.members.items()}
        return {
            by_wire.get(key, key): from_wire(item, shape.members[by_wire[key]]) if key in by_wire else item
            for key, item in value.items()
            if item is not None
        }
    if kind == "list" and isinstance(value, list):
        return [from_wire(item, shape.member) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: from_wire(item, shape.value) for key, item in value.items()}
    if kind == "blob" and isinstance(value, str):
        return base64.b64decode(value)
    if kind == "timestamp" and isinstance(value, int | float | str):
        return _from_timestamp(value)
    return value


def to_wire(value: Any, shape: Shape) -> Any:
    """Turn an answer, as boto3 would show it, into what JSON can hold."""
    kind = shape.type_name
    if kind == "structure" and not shape.is_document_type:
        return {
            wire_name(name, shape.members[name]): to_wire(item, shape.members[name])
            for name, item in value.items()
            if item is not None
        }
    if kind == "list":
        return [to_wire(item, shape.member) for item in value]
    if kind == "map":
        return {key: to_wire(item, shape.value) for key, item in value.items()}
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


def headers_of(result: Mapping[str, Any], shape: Shape) -> dict[str, str]:
    """The members of an answer that are headers, by their names in lower case."""
    found = {}
    for name, value in result.items():
        member = shape.members[name]
        if place_of(member) == "header":
            form = member.serialization.get("timestampFormat", "rfc822")
            text = _to_timestamp(value, form) if member.type_name == "timestamp" else value
            found[wire_name(name, member).lower()] = (
                str(text).lower() if isinstance(text, bool) else str(text)
            )
    return found
