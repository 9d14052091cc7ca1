"""Answers of the List… operations, in pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from local.cloud.errors import AwsError

_PAGE = 100


def page(items: Sequence[Any], member: str, paging: Mapping[str, Any]) -> dict[str, Any]:
    """Return the page of `items` that `nextToken` and `maxResults` ask for."""
    token = paging.get("nextToken") or "0"
    if not token.isdigit():
        raise AwsError("InvalidInputException", f"nextToken {token!r} is none of this service")
    start, size = int(token), int(paging.get("maxResults") or _PAGE)
    answer: dict[str, Any] = {member: list(items[start : start + size])}
    if start + size < len(items):
        answer["nextToken"] = str(start + size)
    return answer
