"""The running instances of one endpoint configuration behind one endpoint."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.cloud.processes import Processes
from local.sagemaker.instance import Instance, UnhealthyError
from local.sagemaker.log_stream import LogStream
from local.sagemaker.model_files import fetch_model

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

_HEALTH_SECONDS = 180.0
_DRAIN_SECONDS = 60.0
_RESTART_HEALTH_SECONDS = 60.0
_LONGEST_PAUSE_SECONDS = 30.0


@dataclass
class Variant:
    """A production variant: its share of the requests, its instances, and for serverless how many at once."""

    name: str
    weight: float
    model: Mapping[str, Any]
    settings: Mapping[str, Any]
    instances: list[Instance] = field(default_factory=list)
    at_once: threading.BoundedSemaphore | None = None

    @property
    def serverless(self) -> bool:
        """Whether the variant is serverless."""
        return "ServerlessConfig" in self.settings

    def pick(self) -> Instance | None:
        """Give an instance that is alive, None if there is none."""
        alive = [instance for instance in self.instances if instance.alive]
        return random.choice(alive) if alive else None  # noqa: S311 - shares load, guards nothing


class Deployment:
    """Starts, watches and ends the instances of a configuration's variants."""

    def __init__(
        self, cloud: LocalCloud, processes: Processes, endpoint: str, config: Mapping[str, Any], folder: Path
    ) -> None:
        self.config = config
        self.variants: list[Variant] = []
        self._cloud, self._processes, self._endpoint, self._folder = cloud, processes, endpoint, folder
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._failures: dict[int, int] = {}
        self._not_before: dict[int, float] = {}

    def start(self, models: Callable[[str], Mapping[str, Any]]) -> None:
        """Bring every instance up; raises UnhealthyError, with all of them ended, if one does not come up."""
        try:
            for settings in self.config["ProductionVariants"]:
                if "ModelName" not in settings:  # its inference components bring the models
                    self.variants.append(Variant(settings["VariantName"], 1.0, {"Container": {}}, settings))
                    continue
                self.variants.append(self._start_variant(settings, models(settings["ModelName"])))
        except Exception:
            self.stop()
            raise

    def _start_variant(self, settings: Mapping[str, Any], model: Mapping[str, Any]) -> Variant:
        name = settings["VariantName"]
        serverless = settings.get("ServerlessConfig")
        variant = Variant(name, float(settings.get("InitialVariantWeight", 1.0)), model, settings)
        if serverless:
            variant.at_once = threading.BoundedSemaphore(serverless["MaxConcurrency"])
        try:
            files = fetch_model(self._cloud, model, self._folder / name)
            for number in range(1 if serverless else int(settings.get("InitialInstanceCount", 1))):
                folder = self._folder / name / f"instance-{number}"
                instance = Instance(
                    self._processes,
                    files.folder,
                    files.environment,
                    folder,
                    self._log_opener(files.logs, name, number, folder),
                )
                timeout = float(settings.get("ContainerStartupHealthCheckTimeoutInSeconds", _HEALTH_SECONDS))
                variant.instances.append(instance)
                instance.start(timeout, self._stopped.is_set)
        except UnhealthyError as error:
            for instance in variant.instances:
                instance.stop()
            raise UnhealthyError(
                f"The primary container for production variant {name} did not pass the ping health check. "
                f"{error}"
            ) from error
        return variant

    def _log_opener(self, logs: Any, variant: str, number: int, folder: Path) -> Callable[[], LogStream]:
        group = f"/aws/sagemaker/Endpoints/{self._endpoint}"
        stream = f"{variant}/{self._folder.name}-{number}"
        return lambda: LogStream(logs, group, stream, folder / "serving.log")

    def choose(self, name: str | None) -> Variant | None:
        """Give the named variant, or one by weight."""
        if name:
            return next((variant for variant in self.variants if variant.name == name), None)
        weights = [variant.weight for variant in self.variants]
        return random.choices(self.variants, weights=weights)[0]  # noqa: S311 - shares load, guards nothing

    def revive(self) -> list[str]:
        """Start again what has died, with growing pauses where it dies again; name what came back."""
        back = []
        for variant in self.variants:
            for instance in variant.instances:
                if not instance.alive and self._due(id(instance)) and self._revive(instance):
                    back.append(variant.name)
        return back

    def _due(self, key: int) -> bool:
        return time.monotonic() >= self._not_before.get(key, 0.0)

    def _revive(self, instance: Instance) -> bool:
        with self._lock:
            if self._stopped.is_set():
                return False
            try:
                instance.start(_RESTART_HEALTH_SECONDS, self._stopped.is_set)
            except (UnhealthyError, OSError, RuntimeError):
                failures = self._failures[id(instance)] = self._failures.get(id(instance), 0) + 1
                self._not_before[id(instance)] = time.monotonic() + min(2.0**failures, _LONGEST_PAUSE_SECONDS)
                return False
        self._failures.pop(id(instance), None)
        return True

    def retire(self) -> None:
        """End every instance for good, once it has answered what it was asked."""
        for variant in self.variants:
            for instance in variant.instances:
                instance.drain(_DRAIN_SECONDS)
        self.stop()

    def stop(self) -> None:
        """End every instance for good."""
        self._stopped.set()
        with self._lock:
            for variant in self.variants:
                for instance in variant.instances:
                    instance.stop()

    def describe(self) -> list[dict[str, Any]]:
        """Give `ProductionVariants` of DescribeEndpoint."""
        return [_described(variant) for variant in self.variants]


def _described(variant: Variant) -> dict[str, Any]:
    image = variant.model["Container"].get("Image")
    described: dict[str, Any] = {
        "VariantName": variant.name,
        "DeployedImages": [{"SpecifiedImage": image}] if image else [],
        "CurrentWeight": variant.weight,
        "DesiredWeight": variant.weight,
        "CurrentInstanceCount": 0 if variant.serverless else len(variant.instances),
        "DesiredInstanceCount": 0 if variant.serverless else len(variant.instances),
    }
    if variant.serverless:
        described["CurrentServerlessConfig"] = variant.settings["ServerlessConfig"]
    return described
