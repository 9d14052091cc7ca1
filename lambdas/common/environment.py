"""A function's environment, read into the typed dataclass of its handler."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class EnvironmentVariableError(RuntimeError):
    """A variable that the function needs is missing or is not of its type."""


def read(kind: type[T], values: Mapping[str, str] | None = None) -> T:
    """Read a dataclass from environment variables: the field `images_bucket` from IMAGES_BUCKET.

    Fields are str, int or float; one with a default may be missing.
    Raises `EnvironmentVariableError` naming every variable that is wrong.
    """
    given = os.environ if values is None else values
    found: dict[str, Any] = {}
    wrong: list[str] = []
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        variable = field.name.upper()
        if variable in given:
            try:
                found[field.name] = _convert(given[variable], field.type)
            except ValueError:
                wrong.append(f"{variable}={given[variable]!r} is not {_name(field.type)}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            wrong.append(f"{variable} is missing")
    if wrong:
        raise EnvironmentVariableError(f"{kind.__module__}: {'; '.join(wrong)}")
    return kind(**found)


def variables(kind: type[object]) -> frozenset[str]:
    """The names of the variables that `read` looks for."""
    return frozenset(field.name.upper() for field in dataclasses.fields(kind))  # type: ignore[arg-type]


def _name(kind: object) -> str:
    return kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))


def _convert(text: str, kind: object) -> object:
    match _name(kind):
        case "int":
            return int(text)
        case "float":
            return float(text)
        case "str":
            return text
        case other:
            raise TypeError(f"an environment field must be str, int or float, not {other}")
