"""What the local cloud uses of ministack's inside, listed and checked when the cloud starts."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local.cloud.errors import LocalCloudError

VERSION = "1.5.33"


@dataclass(frozen=True)
class Touchpoint:
    """An attribute of a ministack module; `parameters` are those that a function must begin with."""

    module: str
    name: str
    parameters: tuple[str, ...] = ()


def check_touchpoints(touchpoints: Sequence[Touchpoint]) -> None:
    """Raise LocalCloudError, naming the touchpoint and the version, when ministack is not as expected."""
    version = importlib.metadata.version("ministack")
    for point in touchpoints:
        where = f"ministack {version}: {point.module}.{point.name}"
        remedy = f"the local cloud is written against ministack {VERSION}: install that version"
        try:
            found = getattr(importlib.import_module(point.module), point.name)
        except (ImportError, AttributeError) as error:
            raise LocalCloudError(f"{where} is missing; {remedy}") from error
        if point.parameters:
            parameters = tuple(inspect.signature(found).parameters)
            if parameters[: len(point.parameters)] != point.parameters:
                raise LocalCloudError(f"{where} takes {parameters}, expected {point.parameters}; {remedy}")


def module(name: str) -> Any:
    """Return a module of ministack; imported late, since it reads its settings from the environment."""
    return importlib.import_module(f"ministack.{name}")
