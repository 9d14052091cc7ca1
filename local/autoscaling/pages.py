"""Long answers, cut into pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from local.cloud.errors import AwsError

_LONGEST_PAGE = 50


def page(member: str, found: Sequence[Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """Give the page that a request asks for, and the token of the next one."""
    token, size = request.get("NextToken") or "0", request.get("MaxResults", _LONGEST_PAGE)
    if not token.isdecimal():
        raise AwsError("InvalidNextTokenException", f"The token {token!r} is not valid.")
    start = int(token)
    more = {"NextToken": str(start + size)} if start + size < len(found) else {}
    return {member: list(found[start : start + size]), **more}
