"""Refusals by name of what the local SageMaker does not do, so that nothing is passed over in silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.cloud.errors import AwsError


def refuse(what: str) -> AwsError:
    """Give the error for a request that AWS would take and this machine cannot serve honestly."""
    return AwsError("ValidationException", f"the local SageMaker does not serve {what}")


def refuse_given(operation: str, request: Mapping[str, Any], *names: str) -> None:
    """Refuse a request that gives any of these fields a value."""
    for name in names:
        if request.get(name):
            raise refuse(f"{operation} with {name}")


def refuse_unless(where: str, value: Any, *served: Any) -> None:
    """Refuse a value, if one is given, other than those served."""
    if value is not None and value not in served:
        raise refuse(f"{where}={value!r}, only {' or '.join(map(repr, served))}")
