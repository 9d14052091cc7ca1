"""What a feature group's definition and its records may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from local.cloud.errors import AwsError

# What the offline store adds beside the features, in Glue's types.
STORE_COLUMNS = {"write_time": "timestamp", "api_invocation_time": "timestamp", "is_deleted": "boolean"}
PARTITIONS = ("year", "month", "day", "hour")
GLUE_TYPES = {"Integral": "bigint", "Fractional": "double", "String": "string"}
_CASTS: dict[str, Callable[[str], Any]] = {"Integral": int, "Fractional": float, "String": str}
_ISO_8601 = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z")

Definition = Mapping[str, Any]


def check_definition(request: Mapping[str, Any]) -> None:
    """Raise AwsError ValidationException for a feature group that AWS would refuse."""
    types = {item["FeatureName"]: item["FeatureType"] for item in request["FeatureDefinitions"]}
    names = [item["FeatureName"].lower() for item in request["FeatureDefinitions"]]
    if double := sorted({name for name in names if names.count(name) > 1}):
        raise _invalid(f"FeatureDefinitions has {', '.join(double)} more than once (names have no case)")
    if reserved := sorted(set(names) & {*STORE_COLUMNS, *PARTITIONS}):
        raise _invalid(f"FeatureDefinitions uses reserved names: {', '.join(reserved)}")
    for field in ("RecordIdentifierFeatureName", "EventTimeFeatureName"):
        if request[field] not in types:
            raise _invalid(f"{field} {request[field]!r} is not among FeatureDefinitions")
    if types[request["EventTimeFeatureName"]] == "Integral":
        raise _invalid("the event time feature must be of type String or Fractional")


def read_record(group: Definition, record: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Give a record's values in their types; raises AwsError ValidationError as PutRecord does."""
    types = {item["FeatureName"]: item["FeatureType"] for item in group["FeatureDefinitions"]}
    values: dict[str, Any] = {}
    for item in record:
        name = item["FeatureName"]
        if name not in types:
            raise _bad_record(f"Feature {name!r} is not in feature group {group['FeatureGroupName']}")
        if name in values:
            raise _bad_record(f"Feature {name!r} is given twice")
        if "ValueAsString" not in item:
            raise _bad_record(f"Feature {name!r} has no ValueAsString")
        values[name] = _value(name, types[name], item["ValueAsString"])
    for field in ("RecordIdentifierFeatureName", "EventTimeFeatureName"):
        if values.get(group[field]) in (None, ""):
            raise _bad_record(f"The record has no value for {group[field]!r}")
    event_time(values[group["EventTimeFeatureName"]])
    return values


def _value(name: str, kind: str, text: str) -> Any:
    try:
        return _CASTS[kind](text)
    except ValueError as error:
        raise _bad_record(f"Feature {name!r}: {text!r} is not {kind}") from error


def event_time(value: str | float) -> datetime:
    """Give an event time as a moment: ISO-8601 in UTC as AWS takes it, or seconds since 1970."""
    if isinstance(value, float):
        return datetime.fromtimestamp(value, UTC)
    if not _ISO_8601.fullmatch(value):
        raise _bad_record(f"Event time {value!r} is not yyyy-MM-dd'T'HH:mm:ssZ or yyyy-MM-dd'T'HH:mm:ss.SSSZ")
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise _bad_record(f"Event time {value!r}: {error}") from error


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", f"Validation Error: {message}")


def _bad_record(message: str) -> AwsError:
    return AwsError("ValidationError", f"Validation Error: {message}")
