"""The door for browsers: serves AWS's hosts under `.localhost`, with AWS's addresses put for this machine's.

What is served knows AWS's names only. So the addresses of this machine are put back into those of AWS where a
browser says them (`Origin`, `Referer`, and what goes to the sign-in page), and the other way round in what it
is answered: in headers, and in texts. Everything else passes as it is.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from local.cloud.addresses import Addresses, aws_host

App = Callable[[Mapping[str, Any], Any, Any], Awaitable[None]]
_Headers = list[tuple[bytes, bytes]]

_BUCKET = re.compile(r"(?P<bucket>.+)\.s3(?:\.[a-z0-9-]+)?\.amazonaws\.com")
_API = re.compile(r"(?P<api>[a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com")
_POOLS = re.compile(r"cognito-idp\.[a-z0-9-]+\.amazonaws\.com")
_FRONT = re.compile(r"[a-z0-9]+\.cloudfront\.net|[a-z0-9-]+\.auth\.[a-z0-9-]+\.amazoncognito\.com")
_SIGN_IN = ".amazoncognito.com"
_SAID_BY_BROWSERS = (b"origin", b"referer")
_FORM = b"application/x-www-form-urlencoded"
_TEXT = re.compile(rb"text/|application/(json|javascript|manifest\+json|xml)|image/svg")
_POLICIES = (b"content-security-policy", b"content-security-policy-report-only")


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: _Headers
    body: bytes


class BrowserDoor:
    """The ASGI application in front of the gateway; what comes by another host's name passes through.

    `front` serves distributions and user pools, by AWS's host; buckets and APIs are the gateway's.
    """

    def __init__(self, cloud_url: str, region: str, *, gateway: App, front: App) -> None:
        self._endpoint = urlsplit(cloud_url).netloc.encode()
        self._addresses = Addresses(cloud_url, region)
        self._gateway = gateway
        self._front = front

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        """Serve one request."""
        headers = dict(scope.get("headers", ()))
        host = aws_host(headers.get(b"host", b"").decode("latin-1")) if scope["type"] == "http" else None
        if host is None:
            await self._gateway(scope, receive, send)
            return
        if bucket := _BUCKET.fullmatch(host):
            await self._serve(self._gateway, self._below(scope, f"/{bucket['bucket']}"), receive, send)
        elif api := _API.fullmatch(host):
            asked = self._below(scope, f"/_aws/execute-api/{api['api']}")
            await self._serve(self._gateway, asked, receive, send)
        elif _POOLS.fullmatch(host):
            await self._serve(self._gateway, self._below(scope, ""), receive, send)
        elif _FRONT.fullmatch(host):
            signing_in = host.endswith(_SIGN_IN)
            asked = self._said(_at_host(scope, host.encode()), sign_in=signing_in)
            posted = self._posted(receive) if signing_in and _is_form(headers) else receive
            await self._serve(self._front, asked, posted, send)
        else:
            await _send(send, _unknown(host))

    def _below(self, scope: Mapping[str, Any], path: str) -> Mapping[str, Any]:
        """Return the request as the endpoint takes it: what the host says is said by the path."""
        return self._said(_at_host(_prefixed(scope, path), self._endpoint))

    def _said(self, scope: Mapping[str, Any], *, sign_in: bool = False) -> Mapping[str, Any]:
        headers = [
            (name, self._aws_bytes(value) if name in _SAID_BY_BROWSERS else value)
            for name, value in scope["headers"]
            if not (sign_in and name == b"content-length" and _is_form(dict(scope["headers"])))
        ]
        query = self._aws_form(scope["query_string"]) if sign_in else scope["query_string"]
        return {**scope, "headers": headers, "query_string": query}

    def _posted(self, receive: Any) -> Any:
        async def form() -> Mapping[str, Any]:
            body, more = b"", True
            while more:
                event = await receive()
                if event["type"] != "http.request":
                    return dict(event)
                body, more = body + event.get("body", b""), event.get("more_body", False)
            return {"type": "http.request", "body": self._aws_form(body), "more_body": False}

        return form

    async def _serve(self, app: App, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        sent: list[Mapping[str, Any]] = []

        async def keep(message: Mapping[str, Any]) -> None:
            sent.append(message)

        await app(scope, receive, keep)
        start = next(message for message in sent if message["type"] == "http.response.start")
        body = b"".join(message.get("body", b"") for message in sent)
        await _send(send, self._at_home(_Answer(start["status"], list(start["headers"]), body)))

    def _at_home(self, answer: _Answer) -> _Answer:
        """Put this machine's addresses into what is answered."""
        headers = [(name, self._local_header(name.lower(), value)) for name, value in answer.headers]
        known = {name.lower(): value for name, value in answer.headers}
        text = _TEXT.match(known.get(b"content-type", b""))
        if not text or b"content-encoding" in known or not answer.body:
            return replace(answer, headers=headers)
        body = self._addresses.to_local(answer.body.decode("utf-8", "surrogateescape"))
        body = self._addresses.objects_to_local(body)
        content = body.encode("utf-8", "surrogateescape")
        headers = [(name, value) for name, value in headers if name.lower() != b"content-length"]
        return _Answer(answer.status, [*headers, (b"content-length", str(len(content)).encode())], content)

    def _local_header(self, name: bytes, value: bytes) -> bytes:
        text = value.decode("latin-1")
        put = self._addresses.sources_to_local if name in _POLICIES else self._addresses.to_local
        return put(text).encode("latin-1")

    def _aws_bytes(self, value: bytes) -> bytes:
        return self._addresses.to_aws(value.decode("latin-1")).encode("latin-1")

    def _aws_form(self, form: bytes) -> bytes:
        pairs = parse_qsl(form.decode("latin-1"), keep_blank_values=True)
        if not pairs:
            return form
        return urlencode([(name, self._addresses.to_aws(value)) for name, value in pairs]).encode()


def _is_form(headers: Mapping[bytes, bytes]) -> bool:
    return headers.get(b"content-type", b"").startswith(_FORM)


def _at_host(scope: Mapping[str, Any], host: bytes) -> dict[str, Any]:
    headers = [(name, host if name == b"host" else value) for name, value in scope["headers"]]
    return {**scope, "headers": headers}


def _prefixed(scope: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    raw = scope.get("raw_path") or scope["path"].encode()
    return {**scope, "path": path + scope["path"], "raw_path": path.encode() + raw}


def _unknown(host: str) -> _Answer:
    message = f"{host}: the local cloud serves no such host\n".encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(message)).encode())]
    return _Answer(404, headers, message)


async def _send(send: Any, answer: _Answer) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})
