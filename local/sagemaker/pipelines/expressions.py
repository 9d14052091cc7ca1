"""The expressions of a pipeline's definition, and their values while it runs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from local.cloud.errors import AwsError

_PART = re.compile(r"\.?([A-Za-z_][\w-]*)|\[(?:'([^']+)'|\"([^\"]+)\"|(\d+))\]")
_NAMES = ("OutputName", "InputName", "ChannelName", "MetricName", "Name", "Key")


class ExpressionError(Exception):
    """An expression has no value; the message says which and why."""


def is_expression(value: Any) -> bool:
    """Whether a value of the definition is to be worked out when the pipeline runs."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith(("Get", "Std:"))


def path_parts(path: str) -> list[str | int]:
    """Split `a.b['c'][0]`; ValueError where it is not of that form."""
    parts: list[str | int] = []
    at = 0
    while at < len(path):
        match = _PART.match(path, at)
        if match is None:
            raise ValueError(f"{path!r} is not a path: {path[at:]!r}")
        name, single, double, index = match.groups()
        parts.append(int(index) if index is not None else name or single or double)
        at = match.end()
    return parts


def dig(value: Any, path: str) -> Any:
    """Follow a path into a Describe answer; a name picks from a list the item that bears it.

    Raises ExpressionError where the path leads to nothing.
    """
    for part in path_parts(path):
        found = _step_into(value, part)
        if found is None:
            raise ExpressionError(f"nothing at {path!r}: no {part!r} there")
        value = found
    return value


def _step_into(value: Any, part: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(str(part))
    if isinstance(value, list) and isinstance(part, int):
        return value[part] if part < len(value) else None
    if isinstance(value, list):
        return next((item for item in value if any(item.get(name) == part for name in _NAMES)), None)
    return None


class Scope:
    """What the expressions of one execution may refer to.

    `properties`: step name -> its Describe answer, growing as steps end. `property_files`: step name ->
    property file name -> its entry of the definition. `read_s3(uri)` gives an object's text.
    """

    def __init__(
        self,
        parameters: Mapping[str, Any],
        execution: Mapping[str, str],
        property_files: Mapping[str, Mapping[str, Mapping[str, str]]],
        read_s3: Callable[[str], str],
    ) -> None:
        self.properties: dict[str, Any] = {}
        self._parameters, self._execution = parameters, execution
        self._property_files, self._read_s3 = property_files, read_s3

    def value(self, expression: Any) -> Any:
        """Work out a value of the definition, all the way down."""
        if is_expression(expression):
            (kind, body), *_ = expression.items()
            return self._functions()[kind](body)
        if isinstance(expression, dict):
            return {key: self.value(item) for key, item in expression.items()}
        if isinstance(expression, list):
            return [self.value(item) for item in expression]
        return expression

    def _functions(self) -> dict[str, Callable[[Any], Any]]:
        return {"Get": self._get, "Std:Join": self._join, "Std:JsonGet": self._json_get}

    def _get(self, reference: str) -> Any:
        where, _, rest = reference.partition(".")
        if where == "Parameters":
            return self._parameters[rest]
        if where == "Execution":
            return self._execution[rest]
        step, _, path = rest.partition(".")
        if step not in self.properties:
            raise ExpressionError(f"{reference}: step {step} has not run")
        try:
            return dig(self.properties[step], path)
        except ExpressionError as error:
            raise ExpressionError(f"{reference}: {error}") from error

    def _join(self, body: Mapping[str, Any]) -> str:
        return str(body["On"]).join(_text(self.value(item)) for item in body["Values"])

    def _json_get(self, body: Mapping[str, Any]) -> Any:
        uri = (
            self._property_file_uri(body["PropertyFile"])
            if "PropertyFile" in body
            else self.value(body["S3Uri"])
        )
        try:
            return dig(json.loads(self._read_s3(uri)), body["Path"])
        except (ValueError, ExpressionError) as error:
            raise ExpressionError(f"Std:JsonGet of {body['Path']!r} in {uri}: {error}") from error

    def _property_file_uri(self, reference: Mapping[str, str]) -> str:
        _, step, _, name = reference["Get"].split(".", 3)
        entry = self._property_files[step][name]
        if step not in self.properties:
            raise ExpressionError(f"{reference['Get']}: step {step} has not run")
        output = dig(self.properties[step], f"ProcessingOutputConfig.Outputs['{entry['OutputName']}']")
        return f"{output['S3Output']['S3Uri'].rstrip('/')}/{entry['FilePath']}"

    def holds(self, condition: Mapping[str, Any]) -> bool:
        """Whether a condition of a Condition step is true."""
        kind = condition["Type"]
        if kind == "Not":
            return not self.holds(condition["Condition"])
        if kind == "Or":
            return any(self.holds(item) for item in condition["Conditions"])
        if kind == "In":
            wanted = self.value(condition["QueryValue"])
            return wanted in self.value(condition["Values"])
        left, right = self.value(condition["LeftValue"]), self.value(condition["RightValue"])
        try:
            return _COMPARE[kind](left, right)
        except TypeError as error:
            raise ExpressionError(f"{kind}: {left!r} and {right!r} cannot be compared") from error


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda left, right: bool(left == right),
    "GreaterThan": lambda left, right: bool(left > right),
    "GreaterThanOrEqualTo": lambda left, right: bool(left >= right),
    "LessThan": lambda left, right: bool(left < right),
    "LessThanOrEqualTo": lambda left, right: bool(left <= right),
}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def typed_parameters(declared: list[dict[str, Any]], given: Mapping[str, str]) -> dict[str, Any]:
    """Give every declared parameter its value in its type; AwsError names one unknown, missing or wrong."""
    if unknown := sorted(set(given) - {item["Name"] for item in declared}):
        raise AwsError("ValidationException", f"Unknown pipeline parameters: {', '.join(unknown)}")
    return {item["Name"]: _typed(item, given) for item in declared}


def _typed(declared: Mapping[str, Any], given: Mapping[str, str]) -> Any:
    name, kind = declared["Name"], declared["Type"]
    if name not in given and "DefaultValue" not in declared:
        raise AwsError("ValidationException", f"Pipeline parameter {name} has no value and no default")
    text = given.get(name, declared.get("DefaultValue"))
    try:
        value = _CASTS[kind](text)
    except (KeyError, TypeError, ValueError) as error:
        raise AwsError("ValidationException", f"Pipeline parameter {name}: {text!r} is no {kind}") from error
    allowed = declared.get("EnumValues")
    if allowed and value not in allowed:
        raise AwsError("ValidationException", f"Pipeline parameter {name}: {value!r} is not one of {allowed}")
    return value


_CASTS: dict[str, Callable[[Any], Any]] = {
    "String": str,
    "Integer": int,
    "Float": float,
    "Boolean": lambda value: {"true": True, "false": False}[str(value).lower()],
}
