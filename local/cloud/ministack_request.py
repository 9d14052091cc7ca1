"""What is known of the request that ministack serves at this moment."""

from __future__ import annotations

import contextvars
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from local.cloud import ministack_accounts as accounts
from local.cloud.errors import LocalCloudError
from local.cloud.touchpoints import VERSION, Touchpoint, module

TOUCHPOINTS = (Touchpoint("ministack.core.iam_evaluator", "_signed_request"),)

_Value = TypeVar("_Value")
method: contextvars.ContextVar[str | None] = contextvars.ContextVar("method", default=None)
writes_once: contextvars.ContextVar[bool] = contextvars.ContextVar("writes once", default=False)
access_key: contextvars.ContextVar[str | None] = contextvars.ContextVar("access key", default=None)


def begin(scope: Mapping[str, Any]) -> None:
    """Take note of an HTTP request, before anything is decided about it."""
    accounts.begin_request()
    method.set(scope["method"])
    headers = dict(scope["headers"])
    writes_once.set(headers.get(b"if-none-match") == b"*" and b"x-amz-copy-source" not in headers)


def member(name: str) -> str:
    """Return a text member of the signed request's JSON body; empty where there is none."""
    request = module("core.iam_evaluator")._signed_request.get()
    try:
        return str(json.loads(request.body)[name])
    except (AttributeError, ValueError, TypeError, KeyError):
        return ""


def required(variable: contextvars.ContextVar[_Value | None]) -> _Value:
    """Return what a variable holds; LocalCloudError where it holds nothing."""
    value = variable.get()
    if value is None:
        raise LocalCloudError(f"ministack {VERSION}: {variable.name} is not known where it is needed")
    return value
