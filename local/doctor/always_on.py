"""What of an endpoint bills while nobody calls: its instances, and the alarms that promotions put."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from config import Edgeline
from config_endpoint import Endpoint
from config_model import Model
from stacks.names import ENVIRONMENTS, EnvironmentName, endpoint_name, endpoint_of

# Of errors, latency, the share of empty answers and their score; the last two are reckoned from two each.
_GUARD_METRICS = 1 + 1 + 2 + 2
_TRACKING_ALARMS = 2  # of a scaling policy: too much, too little
_WAKING_ALARMS = 1
# Of most families of instances; 2xlarge has twice as many as xlarge, and so on.
_VCPUS = {"medium": 2, "large": 2, "xlarge": 4}


@dataclass(frozen=True)
class Served:
    """An endpoint of an environment, and the models behind it: components of a tree share one."""

    environment: EnvironmentName
    models: tuple[Model, ...]

    @property
    def whose(self) -> str:
        """The model, or the tree, that it is of."""
        first = self.models[0]
        return first.name if len(self.models) == 1 else f"the tree {first.tree}, {len(self.models)} models"

    @property
    def where(self) -> str:
        """The table of edgeline.toml that its instances are in."""
        first = self.models[0]
        owner = first.tree if self.endpoint.kind == "components" else first.name
        return f"edgeline.toml models.{owner}.{self.environment}"

    @property
    def endpoint(self) -> Endpoint:
        """How it is configured; what is shared is the same for all behind it."""
        return endpoint_of(self.models[0], self.environment)

    @property
    def each(self) -> tuple[Endpoint, ...]:
        """How each model is served."""
        return tuple(endpoint_of(model, self.environment) for model in self.models)

    @property
    def idle_instances(self) -> int:
        """Count the instances that run at all times."""
        if self.endpoint.kind != "components":
            return 0 if self.endpoint.kind == "serverless" else self.endpoint.instances
        if not any(endpoint.min_copies for endpoint in self.each):
            return 0
        least = sum(endpoint.min_copies * endpoint.cpus for endpoint in self.each)
        return max(self.endpoint.instances, ceil(least / (vcpus(self.endpoint.instance_type) or least)))


def served(config: Edgeline) -> list[Served]:
    """Every endpoint once, staging and prod of a model after each other."""
    behind: dict[str, tuple[EnvironmentName, list[Model]]] = {}
    for model in config.models:
        for environment in ENVIRONMENTS:
            name = endpoint_name(config, model, environment)
            behind.setdefault(name, (environment, []))[1].append(model)
    return [Served(environment, tuple(models)) for environment, models in behind.values()]


def vcpus(instance_type: str) -> int | None:
    """How many virtual processors an instance has, by its size; None where that does not say it."""
    size = instance_type.rpartition(".")[2]
    times = size.removesuffix("xlarge")
    return int(times) * 4 if times.isdecimal() and times != size else _VCPUS.get(size)


def alarm_metrics(endpoint: Endpoint, *, watched: bool) -> int:
    """Count the metrics that a model's alarms look at: each bills by the month."""
    count = _GUARD_METRICS if watched else 0
    if endpoint.kind == "realtime" and endpoint.max_instances > endpoint.instances:
        count += _TRACKING_ALARMS
    if endpoint.kind == "components" and endpoint.max_copies > endpoint.min_copies:
        count += _TRACKING_ALARMS + (_WAKING_ALARMS if endpoint.min_copies == 0 else 0)
    return count
