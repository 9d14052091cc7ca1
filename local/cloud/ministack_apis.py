"""What ministack's REST APIs leave out: whom a user pool's authorizer lets in, and how large a request is."""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Mapping
from typing import Any

from local.cloud.touchpoints import Touchpoint, module

TOUCHPOINTS = (
    Touchpoint(
        "ministack.services.apigateway_v1", "_validate_cognito_authorizer", ("authorizer", "method_obj")
    ),
    Touchpoint("ministack.services.apigateway_v1", "_stringify_claims", ("claims",)),
    Touchpoint("ministack.services.apigateway_v1", "_gw_error", ("response_type", "message")),
    Touchpoint(
        "ministack.services.apigateway_v1",
        "handle_execute",
        ("api_id", "stage_name", "method", "path", "headers", "body"),
    ),
    Touchpoint(
        "ministack.services.apigateway_v1",
        "_invoke_lambda_proxy_v1",
        (
            "integration", "api_id", "stage_name", "stage", "resource", "request_path", "method", "headers",
            "body",
        ),
    ),
    Touchpoint(
        "ministack.services.apigateway_v1",
        "_build_lambda_event_v1",
        (
            "api_id", "stage_name", "stage", "resource", "request_path", "method", "headers", "body",
            "query_params", "path_params",
        ),
    ),
)  # fmt: skip

REQUEST_BYTES = 10 * 1024 * 1024  # API Gateway's limit
_INVOCATION_BYTES = 6 * 1024 * 1024  # Lambda's: the body as JSON has it is most of the event
_DATES = ("exp", "iat")


def mend() -> None:
    """Check tokens, pass claims on, say where the API is and limit sizes as API Gateway does."""
    _check_what_a_token_is_for()
    _tell_claims()
    _tell_domain()
    _limit_requests()
    _limit_invocations()


def _check_what_a_token_is_for() -> None:
    """Take ID tokens where a method names no scopes, access tokens where it does, of the right audience."""
    apis = module("services.apigateway_v1")
    original = apis._validate_cognito_authorizer

    @functools.wraps(original)
    async def validate(authorizer: Any, method_obj: Any, *request: Any) -> Any:
        claims, error = await original(authorizer, method_obj, *request)
        if error is None and not is_meant(claims, authorizer, method_obj):
            return None, apis._gw_error("UNAUTHORIZED", "Unauthorized")
        return claims, error

    apis._validate_cognito_authorizer = validate


def is_meant(claims: Mapping[str, Any], authorizer: Mapping[str, Any], method: Mapping[str, Any]) -> bool:
    """Tell whether a token with these claims is meant for the method: its use, its end, its audience."""
    wanted = "access" if method.get("authorizationScopes") else "id"
    if claims.get("token_use") != wanted or "exp" not in claims:
        return False
    audience = authorizer.get("identityValidationExpression")
    return not audience or re.fullmatch(audience, str(claims.get("aud", ""))) is not None


def _tell_claims() -> None:
    """Give functions the claims as a REST API does: lists with commas, expiry and issue as dates."""
    apis = module("services.apigateway_v1")
    original = apis._stringify_claims

    @functools.wraps(original)
    def stringify(claims: Mapping[str, Any]) -> Any:
        return original({name: told(name, value) for name, value in (claims or {}).items()})

    apis._stringify_claims = stringify


def told(name: str, value: Any) -> Any:
    """Return a claim's value as functions get it."""
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    if name in _DATES and isinstance(value, int | float):
        return time.strftime("%a %b %d %H:%M:%S UTC %Y", time.gmtime(value))
    return value


def _tell_domain() -> None:
    """Give functions the host that AWS would serve the API at; `served_at` says where that is here."""
    apis = module("services.apigateway_v1")
    original = apis._build_lambda_event_v1

    @functools.wraps(original)
    def build(api_id: str, *request: Any, **scope: Any) -> Any:
        event = original(api_id, *request, **scope)
        host = f"{api_id}.execute-api.{apis.get_region()}.amazonaws.com"
        event["requestContext"] |= {"domainName": host, "domainPrefix": api_id}
        return event

    apis._build_lambda_event_v1 = build


def _limit_requests() -> None:
    """Refuse a request that is larger than API Gateway takes."""
    apis = module("services.apigateway_v1")
    original = apis.handle_execute

    @functools.wraps(original)
    async def execute(
        api_id: str, stage_name: str, method: str, path: str, headers: Any, body: bytes, query_params: Any
    ) -> Any:
        if len(body or b"") > REQUEST_BYTES:
            message = {"message": f"HTTP content length exceeded {REQUEST_BYTES} bytes."}
            return 413, {"Content-Type": "application/json"}, json.dumps(message).encode()
        return await original(api_id, stage_name, method, path, headers, body, query_params)

    apis.handle_execute = execute


def _limit_invocations() -> None:
    """Refuse a request that is larger than Lambda takes."""
    apis = module("services.apigateway_v1")
    original = apis._invoke_lambda_proxy_v1

    @functools.wraps(original)
    async def invoke(*arguments: Any, **scope: Any) -> Any:
        body = arguments[8]
        if len(body or b"") > _INVOCATION_BYTES:
            return apis._gw_error("REQUEST_TOO_LARGE", "Request Too Long")
        return await original(*arguments, **scope)

    apis._invoke_lambda_proxy_v1 = invoke
