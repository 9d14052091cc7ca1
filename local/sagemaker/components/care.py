"""The care for running copies: what died is started again, what is idle says so."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from local.monitoring import monitoring_of
from local.sagemaker.components.copies import Copies

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

_WATCH_EVERY_SECONDS = 0.5
_SILENCE_BEATS = 20


class ComponentCare:
    """Looks after the copies of all components, by name, from the first on."""

    def __init__(self, cloud: LocalCloud, components: Mapping[str, Copies]) -> None:
        self._cloud, self._components = cloud, components
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Begin, if that was not done before."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._care, name="inference components", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End."""
        self._closed.set()

    def _care(self) -> None:
        for beat in itertools.count():
            if self._closed.wait(_WATCH_EVERY_SECONDS):
                return
            for name, copies in list(self._components.items()):
                copies.revive()
                if copies.count and beat % _SILENCE_BEATS == 0:
                    self._tell_of_silence(name)

    def _tell_of_silence(self, name: str) -> None:
        """Count nothing: AWS has this metric of idle copies too, or none would ever scale to zero."""
        if found := monitoring_of(self._cloud):
            dimensions = {"InferenceComponentName": name}
            found.put("AWS/SageMaker", "InvocationsPerCopy", 0.0, dimensions, unit="None")
