"""Requests to an endpoint while it is changed, and what became of each; none is tried again."""

import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.config import Config

_CALLERS = 32
_PICTURE = b"picture"


@dataclass(frozen=True)
class Sample:
    """One request: when it was sent or due (seconds after the first), how long it took, answer or error."""

    at: float
    seconds: float
    body: bytes
    answer: Any
    error: str


@dataclass
class Load:
    """What has come of the requests so far."""

    samples: list[Sample] = field(default_factory=list)

    @property
    def errors(self) -> list[str]:
        return [sample.error for sample in self.samples if sample.error]

    @property
    def answers(self) -> list[Any]:
        return [sample.answer for sample in self.samples if not sample.error]

    def answered_by(self, name: str) -> Counter[Any]:
        """Count the answers by one of their fields."""
        return Counter(answer[name] for answer in self.answers)

    def milliseconds(self, percent: float) -> float:
        """Give a percentile of the latencies."""
        ordered = sorted(sample.seconds for sample in self.samples)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000


@contextmanager
def requests_to(session: Any, endpoint: str, *, rate: float) -> Iterator[Load]:
    """Send `rate` requests a second as long as the block runs, whatever has become of those before."""
    load, over, ask = Load(), threading.Event(), _asking(session, endpoint, None)
    with ThreadPoolExecutor(_CALLERS + 1, thread_name_prefix="caller") as callers:
        callers.submit(_send, callers, load, ask, rate, over)
        try:
            yield load
        finally:
            over.set()


@contextmanager
def callers_of(
    session: Any,
    endpoint: str,
    *,
    component: str | None = None,
    callers: int = 1,
    pause_seconds: float,
    bodies: Sequence[bytes] = (_PICTURE,),
) -> Iterator[Load]:
    """Let callers ask as long as the block runs, each of whom waits for its answer before it asks again.

    So an endpoint is never asked more at once than there are callers, however slow it is.
    """
    load, over, ask = Load(), threading.Event(), _asking(session, endpoint, component)
    began = time.perf_counter()

    def call() -> None:
        for body in itertools.cycle(bodies):
            _one(load, ask, time.perf_counter() - began, body)
            if over.wait(pause_seconds):
                return

    with ThreadPoolExecutor(callers, thread_name_prefix="caller") as running:
        for _ in range(callers):
            running.submit(call)
        try:
            yield load
        finally:
            over.set()


def _asking(session: Any, endpoint: str, component: str | None) -> Callable[[bytes], Any]:
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=_CALLERS, read_timeout=60)
    runtime = session.client("sagemaker-runtime", config=config)
    which = {"EndpointName": endpoint, **({"InferenceComponentName": component} if component else {})}

    def ask(body: bytes) -> Any:
        response = runtime.invoke_endpoint(**which, ContentType="image/jpeg", Body=body)
        return json.loads(response["Body"].read())

    return ask


def _send(
    callers: ThreadPoolExecutor,
    load: Load,
    ask: Callable[[bytes], Any],
    rate: float,
    over: threading.Event,
) -> None:
    """Give out a request whenever one is due."""
    began, number = time.perf_counter(), 0
    while not over.wait(max(0.0, began + number / rate - time.perf_counter())):
        callers.submit(_one, load, ask, number / rate, _PICTURE)
        number += 1


def _one(load: Load, ask: Callable[[bytes], Any], at: float, body: bytes) -> None:
    began = time.perf_counter()
    answer, error = None, ""
    try:
        answer = ask(body)
    except Exception as problem:  # whatever it is, the request was not answered
        error = str(problem) or repr(problem)
    load.samples.append(Sample(at, time.perf_counter() - began, body, answer, error))
