"""A list's answer page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from local.cloud.errors import AwsError


def page(items: Sequence[Any], size: int, token: str | None) -> tuple[list[Any], str | None]:
    """Return the items after `token`, and the token of what comes after them; None at the end."""
    if token is not None and not token.isdigit():
        raise AwsError("InvalidNextToken", f"The token {token!r} is not valid")
    start = int(token or 0)
    end = start + size
    return list(items[start:end]), str(end) if end < len(items) else None
