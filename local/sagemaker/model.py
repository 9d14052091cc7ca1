"""SageMaker's own service model, as botocore has it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import botocore.session

SERVICE = "sagemaker.amazonaws.com"
# SageMaker renews the credentials of what runs long; here they last longer than anything runs.
CREDENTIALS_SECONDS = 7 * 86_400


@lru_cache(maxsize=1)
def service_model() -> Any:
    """Give botocore's model of the SageMaker API."""
    return botocore.session.Session().get_service_model("sagemaker")


def input_shape(operation: str) -> Any:
    """Give the shape of an operation's request."""
    return service_model().operation_model(operation).input_shape


def output_shape(operation: str) -> Any:
    """Give the shape of an operation's answer."""
    return service_model().operation_model(operation).output_shape


def answer(operation: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the fields of a record that the operation's answer has."""
    return {name: record[name] for name in output_shape(operation).members if record.get(name) is not None}
