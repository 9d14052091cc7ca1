"""How many requests an endpoint answered, by which fleet, when, and how fast."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from statistics import quantiles
from typing import Any

_KEPT_LATENCIES = 10_000
_KEPT_SECONDS = 7200


@dataclass
class _Count:
    """The requests of one variant of one fleet."""

    requests: int = 0
    errors: int = 0
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT_LATENCIES))


@dataclass
class _Endpoint:
    counts: dict[tuple[str, str], _Count] = field(default_factory=lambda: defaultdict(_Count))
    # Second -> (variant, fleet, failed) -> requests.
    seconds: dict[int, Counter[tuple[str, str, bool]]] = field(default_factory=dict)


class Statistics:
    """Counts and latencies (milliseconds) by endpoint, variant and fleet.

    A fleet is named after its endpoint configuration.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._endpoints: dict[str, _Endpoint] = defaultdict(_Endpoint)

    def count(self, endpoint: str, variant: str, fleet: str, milliseconds: float, *, failed: bool) -> None:
        """Note one request."""
        second = int(self._clock())
        with self._lock:
            known = self._endpoints[endpoint]
            count = known.counts[variant, fleet]
            count.requests += 1
            count.errors += failed
            if not failed:
                count.latencies.append(milliseconds)
            if second not in known.seconds:
                known.seconds[second] = Counter()
                while len(known.seconds) > _KEPT_SECONDS:
                    del known.seconds[min(known.seconds)]
            known.seconds[second][variant, fleet, failed] += 1

    def of(self, endpoint: str) -> dict[str, Any]:
        """Give {"requests", "errors", "p50_ms", "p95_ms"}, and the same by "variants" and by "fleets"."""
        with self._lock:  # only to copy: requests wait for it
            known = self._endpoints[endpoint].counts if endpoint in self._endpoints else {}
            counts = {key: replace(c, latencies=c.latencies.copy()) for key, c in known.items()}
        return {
            **_sum(counts.values()),
            "variants": {name: _sum(c for k, c in counts.items() if k[0] == name) for name, _ in counts},
            "fleets": {name: _sum(c for k, c in counts.items() if k[1] == name) for _, name in counts},
        }

    def timeline(self, endpoint: str) -> list[dict[str, Any]]:
        """Give {"second", "variant", "fleet", "requests", "errors"} for each second with requests, in order.

        `second` is in seconds since 1970. The last two hours with requests are kept.
        """
        with self._lock:
            seconds = self._endpoints[endpoint].seconds if endpoint in self._endpoints else {}
            return [
                {
                    "second": second,
                    "variant": variant,
                    "fleet": fleet,
                    "requests": counts[variant, fleet, False] + counts[variant, fleet, True],
                    "errors": counts[variant, fleet, True],
                }
                for second, counts in sorted(seconds.items())
                for variant, fleet in sorted({(v, f) for v, f, _ in list(counts)})
            ]


def _sum(counts: Iterable[_Count]) -> dict[str, Any]:
    counts = list(counts)
    latencies = sorted(value for count in counts for value in count.latencies)
    # With one request quantiles() has nothing to divide.
    parts = quantiles(latencies, n=100, method="inclusive") if len(latencies) > 1 else latencies * 99
    return {
        "requests": sum(count.requests for count in counts),
        "errors": sum(count.errors for count in counts),
        "p50_ms": round(parts[49], 2) if parts else None,
        "p95_ms": round(parts[94], 2) if parts else None,
    }
