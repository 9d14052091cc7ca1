"""The front door of the local cloud: one HTTP endpoint; the signing scope of a request names its service.

The services of the plugins are served here; those of ministack that are honest are passed on to it; all else
is refused by name. The endpoint listens on the loopback interface, and what comes in there counts as TLS: a
bucket policy that demands `aws:SecureTransport` is evaluated as for an HTTPS request.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.cloud.iam import Iam
from local.cloud.ministack import Ministack
from local.cloud.ministack_sign_in import PRETENDED as PRETENDED_SIGN_IN
from local.cloud.request_reading import raw_path, read_request
from local.cloud.service import LocalService, Request, Response

# Signing scopes that ministack serves by doing what it says.
SERVED_BY_MINISTACK = frozenset({
    "apigateway", "athena", "budgets", "cloudformation", "cloudfront", "cognito-idp", "dynamodb", "events",
    "execute-api", "glue", "iam", "iot", "iotdata", "iotdevicegateway", "kms", "lambda", "logs", "s3",
    "scheduler", "secretsmanager", "sns", "sqs", "ssm", "states", "sts",
})  # fmt: skip

# Operations that ministack answers with success without doing them.
PRETENDED = frozenset({
    "glue:StartCrawler", "glue:StartJobRun", "glue:StartTrigger", "glue:StartWorkflowRun", "ssm:SendCommand",
    "ssm:StartAutomationExecution",
}) | PRETENDED_SIGN_IN  # fmt: skip

_CREDENTIAL = re.compile(r"([^/\s,=]+)/\d{8}/([^/]*)/([^/]+)/aws4_request")
_UNSIGNED_PATHS = ("/restapis/", "/_aws/execute-api/", "/_ministack/health", "/_ministack/cfn-response/")
_PUBLIC_KEYS = re.compile(r"/[a-z0-9-]+_[A-Za-z0-9]+/\.well-known/(jwks\.json|openid-configuration)")
_SIGN_IN = "AWSCognitoIdentityProviderService."
_INVALIDATION = re.compile(r"/2020-05-31/distribution/[^/]+/invalidation")
_AT_ONCE = 64  # requests to one service
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Signature:
    """What a request's signature claims; `Ministack.enforce` checks it."""

    access_key: str
    region: str
    scope: str


class Gateway:
    """The ASGI application."""

    def __init__(
        self, ministack: Ministack, iam: Iam, services: Mapping[str, Mapping[str, Sequence[LocalService]]]
    ) -> None:
        """`services` by account and signing scope."""
        self._ministack = ministack
        self._iam = iam
        self._services = services
        self._threads: dict[str, ThreadPoolExecutor] = {}

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._ministack.app(scope, receive, send)
            return
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        signature = read_signature(headers, scope["query_string"].decode())
        service = self._service(signature, scope, headers)
        refusal = None if service else self._refusal(signature, scope, headers)
        if service and signature:
            request = await read_request(scope, receive, headers)
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(
                self._threads_of(service), self._serve, service, signature, request, scope["headers"]
            )
            await _send(send, answer)
        elif refusal:
            await _send(send, _refused(refusal, signature, headers))
        else:
            await self._ministack.app(scope, receive, send)

    def _threads_of(self, service: LocalService) -> ThreadPoolExecutor:
        """Give a service its own threads: an endpoint that is slow must not keep alarms from being read."""
        if service.name not in self._threads:
            self._threads[service.name] = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix=service.name)
        return self._threads[service.name]

    def _service(
        self, signature: Signature | None, scope: Mapping[str, Any], headers: Mapping[str, str]
    ) -> LocalService | None:
        if signature is None:
            return None
        request = Request(scope["method"], raw_path(scope), {}, headers, b"")
        beside_ministack = signature.scope in SERVED_BY_MINISTACK
        account = self._ministack.account_of(signature.access_key)
        for service in self._services.get(account, {}).get(signature.scope, ()):
            route = service.route(request)
            if route and (service.serves(route.operation) or not beside_ministack):
                return service
        return None

    def _serve(
        self, service: LocalService, signature: Signature, request: Request, raw_headers: Any
    ) -> Response:
        route = service.route(request)
        assert route is not None  # noqa: S101 - the service was chosen by this very route
        try:
            with self._ministack.request(
                method=request.method, raw_path=request.path, query=request.query, headers=raw_headers,
                body=request.body, region=signature.region, access_key=signature.access_key,
            ):  # fmt: skip
                who = self._ministack.identity(signature.access_key)
                call = Call(who.account, signature.region, who.arn, signature.access_key)
                parameters = service.parse(route, request)
                self._iam.authorize(service, call, route.operation, parameters)
            home = service.home(call, route.operation, parameters)
            performing = service if home == call.account else self._in_account(home, signature.scope, service)
            return performing.perform(call, route.operation, parameters)
        except AwsError as error:
            return service.error(error)
        except Exception as error:
            _LOG.exception("%s:%s", service.name, route.operation)
            return service.error(
                AwsError("InternalFailure", f"{service.name}:{route.operation}: {error!r}", 500)
            )

    def _in_account(self, account: str, scope: str, service: LocalService) -> LocalService:
        """Return the same service of another account."""
        return next(other for other in self._services[account][scope] if other.name == service.name)

    def _refusal(
        self, signature: Signature | None, scope: Mapping[str, Any], headers: Mapping[str, str]
    ) -> AwsError | None:
        if signature and self._ministack.account_of(signature.access_key) not in self._services:
            known = ", ".join(self._services)
            message = f"{signature.access_key} is no account of this local cloud, which has {known}"
            return AwsError("InvalidClientTokenId", message, 403)
        return _refusal(signature, scope, headers)


def read_signature(headers: Mapping[str, str], query_string: str) -> Signature | None:
    """Return what the Authorization header, or a presigned URL, says of its signer; None when unsigned."""
    claimed = headers.get("authorization", "")
    if "Credential=" not in claimed:
        claimed = (parse_qs(query_string).get("X-Amz-Credential") or [""])[0]
    found = _CREDENTIAL.search(claimed)
    return Signature(found[1], found[2], found[3]) if found else None


def _refusal(
    signature: Signature | None, scope: Mapping[str, Any], headers: Mapping[str, str]
) -> AwsError | None:
    path = str(scope["path"])
    if signature is None:
        if scope["method"] == "OPTIONS" or path.startswith(_UNSIGNED_PATHS) or _PUBLIC_KEYS.fullmatch(path):
            return None
        target = headers.get("x-amz-target", "")
        if target.startswith(_SIGN_IN):  # whether this one may come unsigned, ministack knows
            return _pretended("cognito-idp", target.rpartition(".")[2])
        if "AWSAccessKeyId=" in scope["query_string"].decode():
            return AwsError("InvalidRequest", "the URL is presigned with signature version 2: use s3v4", 400)
        return AwsError("AccessDenied", f"{scope['method']} {path} is not signed", 403)
    if signature.scope not in SERVED_BY_MINISTACK:
        what = headers.get("x-amz-target") or f"{scope['method']} {path}"
        return AwsError(
            "UnsupportedOperation", f"{signature.scope} is not served by the local cloud ({what})", 501
        )
    if signature.scope == "cloudfront" and scope["method"] != "GET" and not _INVALIDATION.fullmatch(path):
        return AwsError(
            "UnsupportedOperation", "distributions are made and changed by templates in the local cloud", 501
        )
    return _pretended(signature.scope, headers.get("x-amz-target", "").rpartition(".")[2])


def _pretended(scope: str, action: str) -> AwsError | None:
    if f"{scope}:{action}" not in PRETENDED:
        return None
    return AwsError(
        "UnsupportedOperation", f"{action} is not served by the local cloud: it would not run", 501
    )


def _refused(error: AwsError, signature: Signature | None, headers: Mapping[str, str]) -> Response:
    scope = signature.scope if signature else "s3"
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        body = f"<ErrorResponse>{_error_element(error)}</ErrorResponse>"
        return Response(error.status, {"content-type": "text/xml"}, body.encode())
    if scope in ("s3", "cloudfront", "route53"):
        body = _error_element(error)
        return Response(error.status, {"content-type": "application/xml"}, body.encode())
    document = json.dumps({"__type": error.code, "message": error.message})
    kind = {"content-type": "application/json", "x-amzn-errortype": error.code}
    return Response(error.status, kind, document.encode())


def _error_element(error: AwsError) -> str:
    return f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error>"


async def _send(send: Any, response: Response) -> None:
    headers: Iterable[tuple[str, str]] = [
        *response.headers.items(),
        ("content-length", str(len(response.body))),
    ]
    encoded = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers]
    await send({"type": "http.response.start", "status": response.status, "headers": encoded})
    await send({"type": "http.response.body", "body": response.body})
