"""The lines that a job or an endpoint prints: into a file, CloudWatch Logs, metrics, to whoever listens."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.table import now

_log = logging.getLogger(__name__)
_TAIL_LINES = 30
_BATCH_LINES = 1000
_LONGEST_LINE = 100_000
_SEND_EVERY_SECONDS = 1.0


class LogStream:
    """One CloudWatch log stream and its copy in a file; `logs` is the execution role's client, as on AWS."""

    def __init__(
        self,
        logs: Any,
        group: str,
        stream: str,
        path: Path,
        *,
        metrics: Sequence[Mapping[str, str]] = (),
        on_line: Callable[[str], None] | None = None,
        on_metric: Callable[[str, float], None] | None = None,
    ) -> None:
        self.group, self.stream, self.path = group, stream, path
        self.metrics = Metrics(metrics)
        self._logs = logs
        self._on_line, self._on_metric = on_line, on_metric
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._waiting: deque[dict[str, Any]] = deque()
        self._closed = threading.Event()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")
        self._sender = threading.Thread(target=self._send_until_closed, name=f"logs {stream}", daemon=True)
        self._sender.start()

    def follow(self, lines: Iterable[str]) -> None:
        """Take lines until they end."""
        for line in lines:
            self.write(line.rstrip("\r\n"))

    def write(self, line: str) -> None:
        """Take one line."""
        self._keep(line)
        if line.strip():
            self._tail.append(line)
            self._waiting.append({"timestamp": int(time.time() * 1000), "message": line[:_LONGEST_LINE]})
        for name, value in self.metrics.read(line):
            if self._on_metric:
                self._on_metric(name, value)
        if self._on_line:
            self._on_line(line)

    def _keep(self, line: str) -> None:
        try:
            self._file.write(line + "\n")
            self._file.flush()
        except OSError as error:  # a full disk: the job must still be read, or it would hang on a full pipe
            _log.warning("%s: a line is lost: %s", self.path, error)

    def tail(self, lines: int = 10) -> str:
        """Give the last lines that are not blank."""
        return "\n".join(list(self._tail)[-lines:])

    def close(self) -> None:
        """Send what waits and stop."""
        self._closed.set()
        self._sender.join(10)
        self._file.close()

    def _send_until_closed(self) -> None:
        # A job does not fail for its logs: what CloudWatch refuses is in the file all the same.
        try:
            self._create()
            while not self._closed.wait(_SEND_EVERY_SECONDS):
                self._send()
            self._send()
        except (ClientError, BotoCoreError) as error:
            _log.warning("%s: not in CloudWatch Logs, only in %s: %s", self.stream, self.path, error)

    def _create(self) -> None:
        requests: list[tuple[Any, dict[str, str]]] = [
            (self._logs.create_log_group, {}),
            (self._logs.create_log_stream, {"logStreamName": self.stream}),
        ]
        for create, more in requests:
            try:
                create(logGroupName=self.group, **more)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
                    raise

    def _send(self) -> None:
        while self._waiting:
            size = min(len(self._waiting), _BATCH_LINES)
            batch = [self._waiting.popleft() for _ in range(size)]
            self._logs.put_log_events(logGroupName=self.group, logStreamName=self.stream, logEvents=batch)


class Metrics:
    """The last value of each metric in the lines, given as {"Name", "Regex"}, as CreateTrainingJob's."""

    def __init__(self, definitions: Sequence[Mapping[str, str]]) -> None:
        self._patterns = [(item["Name"], re.compile(item["Regex"])) for item in definitions]
        self._last: dict[str, tuple[float, datetime]] = {}

    def read(self, line: str) -> list[tuple[str, float]]:
        """Take and give the values that a line names; what is no number is passed over, as SageMaker does."""
        found = []
        for name, pattern in self._patterns:
            for match in pattern.finditer(line):
                try:
                    found.append((name, float(match.group(1))))
                except (ValueError, IndexError):
                    continue
        self._last.update({name: (value, now()) for name, value in found})
        return found

    def final(self) -> list[dict[str, Any]]:
        """Give `FinalMetricDataList`."""
        return [
            {"MetricName": name, "Value": value, "Timestamp": time}
            for name, (value, time) in self._last.items()
        ]
