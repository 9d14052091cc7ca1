"""How an endpoint of one model is configured: a table for staging, a table for prod."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from config_table import Table

EndpointKind = Literal["serverless", "realtime", "components"]

INSTANCE = r"ml\.[a-z0-9-]+\.[a-z0-9]+"
_KINDS = ("serverless", "realtime", "components")
_NO_ASYNC = (
    "'async' is refused: a queue answers in its own time, so neither the staging test's limit on latency "
    f"nor the alarms mean anything; take one of {', '.join(_KINDS)}"
)


@dataclass(frozen=True)
class Endpoint:
    """One SageMaker endpoint of a model; which fields count depends on its kind.

    All kinds: `p95_ms`, above which the staging test fails and the latency alarm goes off; `error_percent`,
    the share of failed requests that an alarm allows; `bake_seconds`, how long a deployment is watched
    before it counts (0 in staging, which has its test).
    serverless: `memory_mb` and `max_concurrency`.
    realtime: `instances` up to `max_instances`, of `instance_type`; `canary_percent` of them take the first
    requests of a deployment.
    components: copies of an inference component on such instances, each with `memory_mb` and `cpus`:
    `copies` at first, then `min_copies` (0: nothing runs while nobody calls) up to `max_copies`.
    `invocations_per_instance`: the requests a minute that one instance, or copy, is meant to take.
    """

    kind: EndpointKind = "serverless"
    p95_ms: int = 2000
    error_percent: float = 1.0
    bake_seconds: int = 0
    memory_mb: int = 3072
    max_concurrency: int = 5
    instance_type: str = "ml.m5.large"
    instances: int = 1
    max_instances: int = 1
    canary_percent: int = 10
    invocations_per_instance: int = 600
    cpus: int = 1
    copies: int = 1
    min_copies: int = 1
    max_copies: int = 1

    @property
    def has_instances(self) -> bool:
        """Whether it runs on instances that somebody chose, and pays for."""
        return self.kind != "serverless"


def read_endpoint(table: Table, *, prod: bool) -> Endpoint:
    """Read an environment's table; only what its kind uses is a known key."""
    if table.holds("kind", "async"):
        raise table.wrong("kind", _NO_ASYNC)
    kind = cast(EndpointKind, table.text("kind", "serverless", among=_KINDS))
    limits = _Limits(
        p95_ms=table.whole("p95_ms", Endpoint.p95_ms, low=1, high=60_000),
        error_percent=table.number("error_percent", Endpoint.error_percent, low=0, high=100),
        bake_seconds=table.whole("bake_seconds", 600, low=0, high=3600) if prod else 0,
    )
    of_kind = {"serverless": _serverless, "realtime": _realtime, "components": _components}[kind]
    endpoint = of_kind(table, limits, prod)
    table.end()
    return endpoint


@dataclass(frozen=True)
class _Limits:
    p95_ms: int
    error_percent: float
    bake_seconds: int


def _serverless(table: Table, limits: _Limits, _prod: bool) -> Endpoint:
    endpoint = Endpoint(
        kind="serverless",
        **vars(limits),
        memory_mb=table.whole("memory_mb", Endpoint.memory_mb, low=1024, high=6144),
        max_concurrency=table.whole("max_concurrency", Endpoint.max_concurrency, low=1, high=200),
    )
    if endpoint.memory_mb % 1024:
        raise table.wrong("memory_mb", f"{endpoint.memory_mb} is not a multiple of 1024")
    return endpoint


def _realtime(table: Table, limits: _Limits, prod: bool) -> Endpoint:
    instances = table.whole("instances", 2 if prod else 1, low=1, high=100)
    if prod and instances < 2:
        raise table.wrong("instances", "1 is too few in prod: a canary beside the rest takes two")
    canary = table.whole("canary_percent", Endpoint.canary_percent, low=1, high=50) if prod else 0
    return Endpoint(
        kind="realtime",
        **vars(limits),
        instance_type=_instance_type(table),
        instances=instances,
        max_instances=_max_instances(table, instances, prod),
        canary_percent=canary or Endpoint.canary_percent,
        invocations_per_instance=_invocations(table),
    )


def _components(table: Table, limits: _Limits, prod: bool) -> Endpoint:
    instances = table.whole("instances", 1, low=1, high=100)
    copies = table.whole("copies", 1, low=1, high=100)
    endpoint = Endpoint(
        kind="components",
        **vars(limits),
        memory_mb=table.whole("memory_mb", 1024, low=128, high=1_000_000),
        cpus=table.whole("cpus", Endpoint.cpus, low=1, high=192),
        instance_type=_instance_type(table),
        instances=instances,
        max_instances=_max_instances(table, instances, prod),
        invocations_per_instance=_invocations(table),
        copies=copies,
        min_copies=table.whole("min_copies", copies, low=0, high=100),
        max_copies=table.whole("max_copies", 2 * copies if prod else copies, low=1, high=200),
    )
    if not endpoint.min_copies <= copies <= endpoint.max_copies:
        between = f"min_copies {endpoint.min_copies} and max_copies {endpoint.max_copies}"
        raise table.wrong("copies", f"{copies} is not between {between}")
    return endpoint


def _instance_type(table: Table) -> str:
    return str(table.text("instance_type", Endpoint.instance_type, pattern=INSTANCE))


def _max_instances(table: Table, instances: int, prod: bool) -> int:
    """Read how far it grows; staging, which only its test asks, does not unless told to."""
    most = table.whole("max_instances", 2 * instances if prod else instances, low=1, high=200)
    if most < instances:
        raise table.wrong("max_instances", f"{most} is less than the {instances} instances there always are")
    return most


def _invocations(table: Table) -> int:
    default = Endpoint.invocations_per_instance
    return table.whole("invocations_per_instance", default, low=1, high=1_000_000)
