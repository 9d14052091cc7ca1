"""What AWS serves under hosts of their own: distributions, and the sign-in pages of user pools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from local.cloud.ministack_distributions import Distributions
from local.cloud.request_reading import read_request
from local.cloud.sign_in import SignIn

_DISTRIBUTION = ".cloudfront.net"


class Fronts:
    """The ASGI application behind the door for browsers; it goes by AWS's name in the header `Host`."""

    def __init__(self, distributions: Distributions, sign_in: SignIn) -> None:
        self._distributions = distributions
        self._sign_in = sign_in

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        """Serve one request."""
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        request = await read_request(scope, receive, headers)
        host, path = headers["host"], str(scope["path"])
        if host.endswith(_DISTRIBUTION):
            query = scope["query_string"].decode("latin-1")
            answer = await self._distributions.answer(host, request, path, query)
        else:
            answer = await self._sign_in.answer(host, request, path)
        status, found, body = answer or _nothing(host, path)
        await _send(send, status, found, body, head=request.method == "HEAD")


def _nothing(host: str, path: str) -> tuple[int, Mapping[str, Any], bytes]:
    message = f"https://{host}{quote(path)}: the local cloud serves nothing there\n"
    return 404, {"Content-Type": "text/plain"}, message.encode()


async def _send(send: Any, status: int, headers: Mapping[str, Any], body: bytes, *, head: bool) -> None:
    pairs = [
        (name.encode(), str(item).encode("latin-1", "replace"))
        for name, value in headers.items()
        if not (name.lower() == "content-length" and not head)
        for item in (value if isinstance(value, list) else [value])
    ]
    if not head:
        pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": b"" if head else body})
