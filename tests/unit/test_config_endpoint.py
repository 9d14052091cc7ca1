"""The tables of the endpoints: what each kind takes, what it defaults to, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from config_endpoint import Endpoint, read_endpoint
from config_table import ConfigError, Table


def prod(**values: Any) -> Endpoint:
    return read_endpoint(Table("prod.", values), prod=True)


def staging(**values: Any) -> Endpoint:
    return read_endpoint(Table("staging.", values), prod=False)


def test_what_is_not_said_is_serverless_and_watched_in_prod_only() -> None:
    assert staging() == Endpoint()
    assert prod() == Endpoint(bake_seconds=600)
    assert not prod().has_instances


def test_realtime_has_two_instances_in_prod_and_room_for_twice_as_many() -> None:
    made = prod(kind="realtime", canary_percent=25)
    assert (made.instances, made.max_instances, made.canary_percent) == (2, 4, 25)
    assert made.has_instances
    alone = staging(kind="realtime")
    assert (alone.instances, alone.max_instances, alone.bake_seconds) == (1, 1, 0)
    assert staging(kind="components").max_copies == 1


def test_components_may_run_on_nothing_while_nobody_calls() -> None:
    made = prod(kind="components", copies=2, min_copies=0)
    assert (made.min_copies, made.copies, made.max_copies) == (0, 2, 4)
    assert (made.instances, made.max_instances, made.memory_mb, made.cpus) == (1, 2, 1024, 1)
    assert prod(kind="components", copies=3).min_copies == 3


def test_limits_of_every_kind_are_taken_over() -> None:
    for kind in ("serverless", "realtime", "components"):
        made = prod(kind=kind, p95_ms=150, error_percent=0.5, bake_seconds=60)
        assert (made.kind, made.p95_ms, made.error_percent, made.bake_seconds) == (kind, 150, 0.5, 60)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"kind": "async"}, "kind: 'async' is refused: a queue answers in its own time"),
        ({"kind": "batch"}, "kind: 'batch' is not one of serverless, realtime, components"),
        ({"memory_mb": 2500}, "memory_mb: 2500 is not a multiple"),
        ({"instances": 2}, "instances: unknown key"),
        ({"p95_ms": 0}, "p95_ms: 0 is not between 1"),
        ({"error_percent": 101}, "error_percent: 101 is not between 0 and 100"),
        ({"bake_seconds": 3601}, "bake_seconds: 3601 is not between 0 and 3600"),
        ({"kind": "realtime", "instances": 1}, "instances: 1 is too few in prod: a canary beside"),
        ({"kind": "realtime", "canary_percent": 51}, "canary_percent: 51 is not between 1 and 50"),
        ({"kind": "realtime", "max_instances": 1}, "max_instances: 1 is less than the 2 instances"),
        ({"kind": "realtime", "copies": 2}, "copies: unknown key"),
        ({"kind": "components", "canary_percent": 5}, "canary_percent: unknown key"),
        ({"kind": "components", "min_copies": 2}, "copies: 1 is not between min_copies 2 and max_copies 2"),
    ],
)
def test_a_wrong_value_in_prod_is_one_line_that_names_it(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError) as error:
        prod(**values)
    assert str(error.value).startswith(f"prod.{complaint}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("key", ["bake_seconds", "canary_percent"])
def test_staging_has_nothing_to_bake(key: str) -> None:
    with pytest.raises(ConfigError, match=f"staging.{key}: unknown key"):
        staging(kind="realtime", **{key: 10})
