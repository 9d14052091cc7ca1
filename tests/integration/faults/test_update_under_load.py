"""Fifty requests a second for two minutes, through a promotion to prod by a canary: none fails."""

import time
from typing import Any

import pytest
from faults.promoted import Promotions
from load import Load, requests_to

from local.cloud.server import LocalCloud
from local.sagemaker.plugin import SageMakerPlugin

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]
RATE, SECONDS = 50, 120
PROD = {"kind": "realtime", "instances": 2, "canary_percent": 50, "bake_seconds": 15}


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Promotions:
    return Promotions(cloud, tmp_path_factory.mktemp("load"), name="load", endpoints={"prod": PROD})


def seen_by(load: Load, name: str) -> list[Any]:
    """What the answers had under a name, in the order of their requests."""
    return [s.answer[name] for s in sorted(load.samples, key=lambda s: s.at) if s.answer]


def test_no_request_fails_while_prod_goes_over_to_another_version(
    line: Promotions, cloud: LocalCloud
) -> None:
    plugin = next(each for each in cloud.plugins if isinstance(each, SageMakerPlugin))
    session = cloud.root_session()
    package = line.register()
    began = time.monotonic()
    with requests_to(session, line.prod, rate=RATE) as load:
        ended = line.promote(package)
        time.sleep(max(0.0, began + SECONDS - time.monotonic()))
    assert ended["status"] == "SUCCEEDED", ended["cause"]
    assert load.errors == []
    assert len(load.samples) >= RATE * (SECONDS - 1)
    versions = seen_by(load, "run")
    old, new = versions[0], versions[-1]
    assert old != new
    assert set(versions) == {old, new}
    steps = [step["what"] for step in line.record(package)["prod"]["steps"]]
    assert any("canary" in step for step in steps), steps
    fleets = plugin.endpoints.statistics(line.prod)["fleets"]
    assert {config: fleet["errors"] for config, fleet in fleets.items()} == dict.fromkeys(fleets, 0)
    latency = ", ".join(f"p{percent} {load.milliseconds(percent):.0f} ms" for percent in (50, 95, 99))
    print(f"\n{len(load.samples)} requests, {latency}")
    print(f"answered by {load.answered_by('run')}, steps {steps}")
