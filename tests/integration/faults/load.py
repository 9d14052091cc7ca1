"""Requests that keep coming while an endpoint is changed, and how each was answered."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

_REST_SECONDS = 0.05


class Load:
    """Asks an endpoint about one picture after the other, on a thread of its own, until it is stopped."""

    def __init__(self, runtime: Any, endpoint: str, component: str | None, pictures: Sequence[bytes]) -> None:
        self.failed: list[tuple[bytes, str]] = []
        self.answered = 0
        self._runtime, self._pictures = runtime, pictures
        self._what = {"EndpointName": endpoint, "ContentType": "image/jpeg"}
        if component:
            self._what["InferenceComponentName"] = component
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @contextmanager
    def running(self) -> Iterator["Load"]:
        """Ask for as long as the block runs."""
        self._thread.start()
        try:
            yield self
        finally:
            self._over.set()
            self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._over.is_set():
            picture = self._pictures[number % len(self._pictures)]
            number += 1
            try:
                self._runtime.invoke_endpoint(Body=picture, **self._what)["Body"].read()
                self.answered += 1
            except ClientError as error:
                self.failed.append((picture, str(error)))
            time.sleep(_REST_SECONDS)
