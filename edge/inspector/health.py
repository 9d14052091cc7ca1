"""What a device tells of itself: counts since its component versions arrived, kept across restarts."""

import json
import statistics
import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.inspector.model import Model
from edge.inspector.outbox import write_durably

_COUNTS = ("inferences", "images_returned", "images_dropped", "rejected", "errors")


@dataclass(frozen=True)
class Components:
    """The names of the two components, and the version of the one that runs this."""

    inspector: str
    version: str
    model: str


class Health:
    """Counts of one device; safe to change from several threads."""

    def __init__(self, path: Path, *, thing: str, components: Components) -> None:
        self._path = path
        self._thing = thing
        self._components = components
        self._lock = threading.Lock()
        self._milliseconds: deque[float] = deque(maxlen=500)
        self._counts = dict.fromkeys(_COUNTS, 0)
        self._model: Model | None = None
        self._last_error = ""

    def begin(self, model: Model) -> None:
        """Count for this model and this inspector: on from where a process before stopped, else from zero."""
        with self._lock:
            self._model = model
            self._milliseconds.clear()
            before = _read(self._path)
            same = before.get("component_versions") == self._versions(model)
            self._counts = {name: int(before.get(name, 0)) if same else 0 for name in _COUNTS}
            self._last_error = ""

    def count(self, name: str, *, milliseconds: float | None = None, error: str | None = None) -> None:
        """Add one to a count; an inference brings its time, an error its line."""
        with self._lock:
            self._counts[name] += 1
            if milliseconds is not None:
                self._milliseconds.append(milliseconds)
            if error is not None:
                self._last_error = error

    @property
    def model_version(self) -> str | None:
        """The model component's version that is counted for."""
        return self._model.record.version if self._model else None

    def report(self) -> dict[str, object]:
        """Return the health as it is stored in edge/<thing>/health/<model version>.json."""
        with self._lock:
            model = self._model
            return {
                "thing": self._thing,
                "model_package_arn": model.package_arn if model else None,
                "model_version": model.record.version if model else None,
                "component_versions": self._versions(model),
                **self._counts,
                "p50_ms": round(statistics.median(self._milliseconds), 2) if self._milliseconds else None,
                "last_error": self._last_error,
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            }

    def _versions(self, model: Model | None) -> dict[str, str | None]:
        return {
            self._components.inspector: self._components.version,
            self._components.model: model.record.version if model else None,
        }

    def save(self) -> None:
        """Keep the counts for the next process. Raises OSError."""
        write_durably(self._path, json.dumps(self.report()).encode())


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
