"""A published inspector comes to the devices with the model that they run; until then no rollout begins."""

import json
from collections.abc import Iterator

import pytest
from faults.fleet import Fleet
from waiting import eventually

from local.cloud.server import LocalCloud

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def fleet(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    made = Fleet(cloud, tmp_path_factory.mktemp("inspector"), "inspector-test")
    try:
        assert made.executions() == set(), "published before any model: nothing to roll out"
        assert made.roll_out(made.register())["status"] == "SUCCEEDED"
        yield made
    finally:
        made.close()


def test_a_new_inspector_reaches_every_device_and_their_model_stays(fleet: Fleet) -> None:
    before, models = fleet.executions(), fleet.versions(fleet.model)
    version = fleet.change_inspector(unsure_low=0.2)
    assert version not in fleet.versions(fleet.inspector)
    fleet.publish()
    [execution] = eventually(lambda: fleet.executions() - before)
    ended = fleet.ended(execution)
    assert ended["status"] == "SUCCEEDED", ended
    assert fleet.versions(fleet.inspector) == [version, version]
    assert fleet.versions(fleet.model) == models
    name = execution.rpartition(":")[2]
    key = f"releases/tags/1/rollout-{name}.json"
    record = json.loads(fleet.deployed.s3.get_object(Bucket=fleet.bucket, Key=key)["Body"].read())
    assert (record["outcome"], record["inspector"]) == ("rolled out", version)


def test_a_model_that_is_promoted_waits_for_its_inspector(fleet: Fleet) -> None:
    version = fleet.change_inspector(unsure_low=0.25)
    package = fleet.register()
    execution = fleet.begin(package)

    def waits() -> bool:
        history = fleet.deployed.states.get_execution_history(executionArn=execution)["events"]
        return "the pipeline inspector-test-inspector publishes it" in json.dumps(history, default=str)

    eventually(waits)
    assert version not in fleet.versions(fleet.inspector)
    before = fleet.executions()
    fleet.publish()
    assert fleet.ended(execution)["status"] == "SUCCEEDED"
    [own] = eventually(lambda: fleet.executions() - before)
    ended = fleet.ended(own)
    assert ended["status"] == "SUCCEEDED", "the inspector's own rollout comes after it, with the same model"
    assert json.loads(ended["output"])["model_package_arn"] == package
    assert fleet.versions(fleet.inspector) == [version, version]
