"""What a build prints: into a file, into CloudWatch Logs with the build's role, and to whoever listens."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

_log = logging.getLogger(__name__)
_BATCH_LINES = 1000
_LONGEST_LINE = 100_000
_SEND_EVERY_SECONDS = 1.0
_MASK = "***"


class BuildLog:
    """The log of one build. What was given to `hide` is printed as ***, on every way."""

    def __init__(self, path: Path, on_line: Callable[[str], None]) -> None:
        self.path = path
        self._on_line = on_line
        self._hidden: list[str] = []
        self._waiting: deque[dict[str, Any]] = deque()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._sender: threading.Thread | None = None
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")

    def hide(self, values: Iterable[str]) -> None:
        """Never print these values, nor any line of one of several lines."""
        found = {part for value in values for part in (value, *value.splitlines()) if part.strip()}
        # The longest first: a short one may be part of it.
        self._hidden = sorted({*self._hidden, *found}, key=len, reverse=True)

    def masked(self, text: str) -> str:
        """Return the text without what is hidden."""
        for value in self._hidden:
            text = text.replace(value, _MASK)
        return text

    def send_to(self, logs: Any, group: str, stream: str) -> None:
        """Send all lines, also those so far, to a log stream; ClientError where the role may not make it."""
        try:
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            logs.create_log_group(logGroupName=group)
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
        self._sender = threading.Thread(
            target=self._send_until_closed, args=(logs, group, stream), name=f"logs {stream}", daemon=True
        )
        self._sender.start()

    def say(self, text: str) -> None:
        """Print a line of CodeBuild's own."""
        moment = datetime.now(UTC).strftime("%Y/%m/%d %H:%M:%S.%f")
        self.write(f"[Container] {moment} {text}")

    def write(self, line: str) -> None:
        """Print a line of a command."""
        line = self.masked(line)
        with self._lock:
            if self._file.closed:
                return
            self._keep(line)
        if line.strip():
            self._waiting.append({"timestamp": int(time.time() * 1000), "message": line[:_LONGEST_LINE]})
        self._on_line(line)

    def _keep(self, line: str) -> None:
        try:
            self._file.write(line + "\n")
            self._file.flush()
        except OSError as error:  # a full disk: the commands must still be read, or they would hang
            _log.warning("%s: a line is lost: %s", self.path, error)

    def close(self) -> None:
        """Send what waits and stop."""
        self._closed.set()
        if self._sender:
            self._sender.join(10)
        self._waiting.clear()
        with self._lock:
            self._file.close()

    def _send_until_closed(self, logs: Any, group: str, stream: str) -> None:
        try:
            while not self._closed.wait(_SEND_EVERY_SECONDS):
                self._send(logs, group, stream)
            self._send(logs, group, stream)
        except (ClientError, BotoCoreError) as error:
            self.say(f"The rest of this log is not in CloudWatch Logs: {error}")

    def _send(self, logs: Any, group: str, stream: str) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _BATCH_LINES))]
            logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=batch)
