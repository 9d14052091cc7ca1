"""The running copies of one inference component: servers that take requests in turn."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.cloud.processes import Processes
from local.sagemaker.hosting.instance import Instance, UnhealthyError
from local.sagemaker.hosting.model_files import fetch_model
from local.sagemaker.hosting.revival import Revival
from local.sagemaker.log_stream import LogStream

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

_HEALTH_SECONDS = 180.0
_DRAIN_SECONDS = 60.0


@dataclass(frozen=True)
class Release:
    """What copies are made of: a specification and the model that it names, as they were when asked for."""

    specification: Mapping[str, Any]
    model: Mapping[str, Any]

    @property
    def model_name(self) -> str:
        """The model's name."""
        return str(self.specification["ModelName"])

    @property
    def health_seconds(self) -> float:
        """How long a copy may take until it answers /ping."""
        given = self.specification.get("StartupParameters", {})
        return float(given.get("ContainerStartupHealthCheckTimeoutInSeconds", _HEALTH_SECONDS))


@dataclass(frozen=True)
class Copy:
    """A server and what it serves."""

    release: Release
    instance: Instance


class Copies:
    """The copies of one component. One thread at a time adds and removes; requests may come at any time."""

    def __init__(self, cloud: LocalCloud, processes: Processes, component: str) -> None:
        self.all: tuple[Copy, ...] = ()  # replaced, never changed in place
        self.stopped = threading.Event()
        self._cloud, self._processes, self._component = cloud, processes, component
        self._lock = threading.Lock()
        # The release that an update is trying: what dies of it ends the update, and is not started again.
        self.on_trial: Release | None = None
        self._revival = Revival()
        self._number = 0

    @property
    def count(self) -> int:
        """How many copies there are."""
        return len(self.all)

    def add(self, release: Release, number: int, check: Callable[[], bool] | None = None) -> None:
        """Start copies, all at the same time, and let them answer once all are healthy.

        Raises UnhealthyError, with none added, where one does not come up, and what `check` raises.
        """
        started: list[Copy] = []
        try:
            for _ in range(number):
                started.append(Copy(release, self._instance(release)))
                started[-1].instance.launch()
            for copy in started:
                copy.instance.wait_until_healthy(release.health_seconds, check or self.stopped.is_set)
            with self._lock:
                if self.stopped.is_set():
                    raise UnhealthyError("The inference component was deleted.")
                self.all = (*self.all, *started)
        except BaseException:
            for copy in started:
                copy.instance.end()
            raise

    def _instance(self, release: Release) -> Instance:
        self._number += 1
        name = f"copy-{self._number}"
        folder = Path(self._cloud.state_dir) / "sagemaker/inference-component" / self._component / name
        files = fetch_model(self._cloud, release.model, folder)
        group = f"/aws/sagemaker/InferenceComponents/{self._component}"
        return Instance(
            self._processes,
            files.folder,
            files.environment,
            folder,
            lambda: LogStream(files.logs, group, name, folder / "serving.log"),
        )

    def remove(self, leaving: Sequence[Copy]) -> None:
        """Take copies out of the turn, and end each once its requests are answered."""
        with self._lock:
            self.all = tuple(copy for copy in self.all if copy not in leaving)
        deadline = time.monotonic() + _DRAIN_SECONDS
        for copy in leaving:
            copy.instance.retire(max(0.0, deadline - time.monotonic()))

    def revive(self) -> None:
        """Begin to start again what has died, with growing pauses where it dies again."""
        if not self.stopped.is_set():
            for copy in (copy for copy in self.all if copy.release is not self.on_trial):
                self._revival.look_after(copy.instance, f"inference component {self._component}")

    def stop(self) -> None:
        """End every copy for good, at once."""
        self.stopped.set()
        with self._lock:
            ending, self.all = self.all, ()
        for copy in ending:
            copy.instance.end()
