"""Waiting for what a process, a server or an execution comes to by itself."""

import time
from collections.abc import Callable
from typing import Any

PATIENCE_SECONDS = 300
_REST_SECONDS = 0.05


def eventually(look: Callable[[], Any]) -> Any:
    """Wait until there is something to return: so long that only what has stopped runs out of time."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(_REST_SECONDS)
    return found
