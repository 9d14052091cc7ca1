"""How many requests an endpoint answered, and how fast."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from statistics import quantiles
from typing import Any

_KEPT = 10_000


class Statistics:
    """Counts and latencies (milliseconds) by endpoint and variant."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latencies: dict[tuple[str, str], deque[float]] = defaultdict(lambda: deque(maxlen=_KEPT))
        self._requests: dict[tuple[str, str], int] = defaultdict(int)
        self._errors: dict[tuple[str, str], int] = defaultdict(int)

    def count(self, endpoint: str, variant: str, milliseconds: float, *, failed: bool) -> None:
        """Note one request."""
        with self._lock:
            self._requests[endpoint, variant] += 1
            self._errors[endpoint, variant] += failed
            if not failed:
                self._latencies[endpoint, variant].append(milliseconds)

    def of(self, endpoint: str) -> dict[str, Any]:
        """Give {"requests", "errors", "p50_ms", "p95_ms", "variants": {name: the same}}."""
        with self._lock:
            keys = [key for key in self._requests if key[0] == endpoint]
            return {**self._sum(keys), "variants": {key[1]: self._sum([key]) for key in keys}}

    def _sum(self, keys: list[tuple[str, str]]) -> dict[str, Any]:
        latencies = sorted(value for key in keys for value in self._latencies[key])
        # With one request quantiles() has nothing to divide.
        parts = quantiles(latencies, n=100, method="inclusive") if len(latencies) > 1 else latencies * 99
        return {
            "requests": sum(self._requests[key] for key in keys),
            "errors": sum(self._errors[key] for key in keys),
            "p50_ms": round(parts[49], 2) if parts else None,
            "p95_ms": round(parts[94], 2) if parts else None,
        }
