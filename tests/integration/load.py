"""A constant stream of requests to an endpoint, as many callers send it: none waits for another's answer."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

_CALLERS = 32


@dataclass(frozen=True)
class Sample:
    """One request: when it was due (seconds after the first), how long it took, its answer or its error."""

    at: float
    seconds: float
    answer: dict[str, Any] | None
    error: str


@dataclass
class Load:
    """What has come of the requests so far."""

    samples: list[Sample] = field(default_factory=list)

    @property
    def errors(self) -> list[str]:
        return [sample.error for sample in self.samples if sample.error]

    def answered_by(self, name: str) -> Counter[Any]:
        """Count the answers by one of their fields."""
        return Counter(sample.answer[name] for sample in self.samples if sample.answer)

    def milliseconds(self, percent: float) -> float:
        """Give a percentile of the latencies."""
        ordered = sorted(sample.seconds for sample in self.samples)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000


@contextmanager
def requests_to(session: Any, endpoint: str, *, rate: float, body: bytes = b"picture") -> Iterator[Load]:
    """Send `rate` requests a second to an endpoint as long as the block runs; nothing is tried again."""
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=_CALLERS, read_timeout=60)
    runtime = session.client("sagemaker-runtime", config=config)

    def ask() -> dict[str, Any]:
        response = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="image/jpeg", Body=body)
        answer: dict[str, Any] = json.loads(response["Body"].read())
        return answer

    load, over = Load(), threading.Event()
    with ThreadPoolExecutor(_CALLERS + 1, thread_name_prefix="caller") as callers:
        callers.submit(_send, callers, load, ask, rate, over)
        try:
            yield load
        finally:
            over.set()


def _send(
    callers: ThreadPoolExecutor,
    load: Load,
    ask: Callable[[], dict[str, Any]],
    rate: float,
    over: threading.Event,
) -> None:
    """Give out a request whenever one is due, whatever has become of those before."""
    began, number = time.perf_counter(), 0
    while not over.wait(max(0.0, began + number / rate - time.perf_counter())):
        callers.submit(_one, load, ask, number / rate)
        number += 1


def _one(load: Load, ask: Callable[[], dict[str, Any]], at: float) -> None:
    began = time.perf_counter()
    answer, error = None, ""
    try:
        answer = ask()
    except (ClientError, BotoCoreError, ValueError) as problem:
        error = str(problem)
    load.samples.append(Sample(at, time.perf_counter() - began, answer, error))
