"""An ASGI request, read whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, quote

from local.cloud.service import Request


def raw_path(scope: Mapping[str, Any]) -> str:
    """Return the path as it was sent, not unquoted."""
    raw = scope.get("raw_path") or quote(scope["path"]).encode()
    return str(raw.decode("latin-1"))


async def read_request(scope: Mapping[str, Any], receive: Any, headers: Mapping[str, str]) -> Request:
    """Return the request with its body."""
    chunks = []
    more = True
    while more:
        event = await receive()
        chunks.append(event.get("body", b""))
        more = event.get("more_body", False)
    query = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
    return Request(scope["method"], raw_path(scope), query, headers, b"".join(chunks))
