"""The running instances of one endpoint configuration behind one endpoint."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.cloud.processes import Processes
from local.sagemaker.hosting.instance import Instance, UnhealthyError
from local.sagemaker.hosting.model_files import ModelFiles, fetch_model
from local.sagemaker.hosting.revival import Revival
from local.sagemaker.hosting.variant import Variant
from local.sagemaker.log_stream import LogStream

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

_HEALTH_SECONDS = 180.0
_DRAIN_SECONDS = 60.0

Cancelled = Callable[[], bool]


def _never() -> bool:
    return False


class Fleet:
    """Starts, counts, watches and ends the instances of a configuration's variants."""

    def __init__(
        self, cloud: LocalCloud, processes: Processes, endpoint: str, config: Mapping[str, Any], folder: Path
    ) -> None:
        self.config = config
        self.variants: list[Variant] = []
        self._cloud, self._processes, self._endpoint, self._folder = cloud, processes, endpoint, folder
        self._files: dict[str, ModelFiles] = {}
        self._started: dict[str, int] = {}
        self._stopped = threading.Event()
        self._revival = Revival()

    @property
    def name(self) -> str:
        """The endpoint configuration's name."""
        return str(self.config["EndpointConfigName"])

    def find(self, name: str) -> Variant | None:
        """Give a variant by its name."""
        return next((variant for variant in self.variants if variant.name == name), None)

    def prepare(self, models: Callable[[str], Mapping[str, Any]]) -> None:
        """Fetch each variant's model; UnhealthyError where that fails. No instance is started."""
        for settings in self.config["ProductionVariants"]:
            name, serverless = settings["VariantName"], settings.get("ServerlessConfig")
            hosted: Mapping[str, Any] = models(settings["ModelName"]) if "ModelName" in settings else {}
            variant = Variant(name, float(settings.get("InitialVariantWeight", 1.0)), hosted, settings)
            variant.desired = 1 if serverless else int(settings.get("InitialInstanceCount", 1))
            if serverless:
                variant.at_once = threading.BoundedSemaphore(serverless["MaxConcurrency"])
            if hosted:
                self._files[name] = fetch_model(self._cloud, hosted, self._folder / name)
            self.variants.append(variant)

    def start(self, cancelled: Cancelled = _never) -> None:
        """Bring every instance up, all at the same time; UnhealthyError, with all ended, where one fails."""
        try:
            for variant in self.variants:
                self._launch(variant, variant.desired - len(variant.instances))
            for variant in self.variants:
                self._wait(variant, variant.instances, cancelled)
        except BaseException:
            self.stop()
            raise

    def resize(self, variant: Variant, count: int, cancelled: Cancelled = _never) -> None:
        """Bring a variant to this many instances: new ones are healthy, ended ones have answered, after it.

        Raises UnhealthyError, with the new ones ended, where one does not come up.
        """
        if variant.hosts_components:
            variant.desired = count
            return
        present = variant.instances
        if count < len(present):
            variant.instances = present[:count]
            self._retire(present[count:])
            return
        added = self._make(variant, count - len(present))
        try:
            for instance in added:
                instance.launch()
            self._wait(variant, added, cancelled)
        except BaseException:
            _end(added)
            raise
        variant.instances = [*variant.instances, *added]
        if self._stopped.is_set():
            _end(added)

    def _launch(self, variant: Variant, count: int) -> None:
        if not variant.hosts_components:
            variant.instances = [*variant.instances, *self._make(variant, count)]
            for instance in variant.instances[-count:]:
                instance.launch()

    def _wait(self, variant: Variant, instances: Sequence[Instance], cancelled: Cancelled) -> None:
        seconds = float(variant.settings.get("ContainerStartupHealthCheckTimeoutInSeconds", _HEALTH_SECONDS))
        try:
            for instance in instances:
                instance.wait_until_healthy(seconds, lambda: cancelled() or self._stopped.is_set())
        except UnhealthyError as error:
            raise UnhealthyError(
                f"The primary container for production variant {variant.name} did not pass the ping health "
                f"check. {error}"
            ) from error

    def _make(self, variant: Variant, count: int) -> list[Instance]:
        return [self._instance(variant.name) for _ in range(count)]

    def _instance(self, variant: str) -> Instance:
        number = self._started.get(variant, 0)
        self._started[variant] = number + 1
        files, folder = self._files[variant], self._folder / variant / f"instance-{number}"
        group = f"/aws/sagemaker/Endpoints/{self._endpoint}"
        stream = f"{variant}/{self._folder.name}-{number}"
        return Instance(
            self._processes,
            files.folder,
            files.environment,
            folder,
            lambda: LogStream(files.logs, group, stream, folder / "serving.log"),
        )

    def dead(self) -> list[str]:
        """Name the variants of instances that have died."""
        return [v.name for v in self.variants for instance in v.instances if not instance.alive]

    def revive(self) -> None:
        """Begin to start again what has died, with growing pauses where it dies again."""
        if self._stopped.is_set():
            return
        for variant in self.variants:
            for instance in variant.instances:
                self._revival.look_after(instance, f"endpoint {self._endpoint}, variant {variant.name}")

    def retire(self) -> None:
        """End every instance for good, once it has answered what it was asked."""
        self._stopped.set()
        self._retire([instance for variant in self.variants for instance in variant.instances])

    def _retire(self, instances: Sequence[Instance]) -> None:
        deadline = time.monotonic() + _DRAIN_SECONDS
        for instance in instances:
            instance.retire(max(0.0, deadline - time.monotonic()))

    def stop(self) -> None:
        """End every instance for good, at once."""
        self._stopped.set()
        _end([instance for variant in self.variants for instance in variant.instances])

    def describe(self) -> list[dict[str, Any]]:
        """Give `ProductionVariants` of DescribeEndpoint."""
        return [variant.describe() for variant in self.variants]


def _end(instances: Sequence[Instance]) -> None:
    for instance in instances:
        instance.end()
