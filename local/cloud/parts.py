"""A service's API out of the parts that serve it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Parts:
    """Serves each operation by the part that has a method of its name."""

    def __init__(self, *parts: object) -> None:
        self._parts = parts

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        # Asked for before __init__ too, where an object is copied.
        for part in self.__dict__.get("_parts", ()):
            found: Callable[..., Any] | None = getattr(part, operation, None)
            if found is not None:
                return found
        raise AttributeError(operation)
