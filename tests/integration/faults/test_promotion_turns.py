"""One at a time at the endpoints of a model: executions that are killed, calls that go on, many at once."""

import itertools
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.promoted import Promotions
from faults.seams import hanging
from faults.story import Gate, Story, last_call_takes, story_of, turn_of
from waiting import eventually

from local.cloud.call import Call
from local.cloud.server import LocalCloud
from local.cloud.service import LocalService

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Promotions:
    return Promotions(cloud, tmp_path_factory.mktemp("turns"), name="turns")


@pytest.fixture
def story(line: Promotions) -> Iterator[Story]:
    with story_of(line) as story:
        yield story


def test_after_a_killed_holder_its_changes_are_taken_back_and_the_next_goes_on(
    story: Story, tmp_path: Path
) -> None:
    line, gate = story.line, Gate(tmp_path)
    killed, following = line.register(on_load=f"exec({gate.code!r})"), line.register()
    with last_call_takes(line, seconds=2):
        execution = line.approve(killed)
        gate.reached()
        waiting = line.approve(following)
        story.stop(execution)
        gate.open()
        recovered = story.recovery(execution)
        assert recovered["status"] == "SUCCEEDED"
        assert line.ended(waiting)["status"] == "SUCCEEDED"
    assert recovered["stopDate"] < line.ended(waiting)["stopDate"], "it is mended first"
    assert line.record(killed)["outcome"] == "Aborted"
    name = execution.rpartition(":")[2]
    assert (line.record(killed)["execution"], name in line.record(killed)["reason"]) == (name, True)
    assert line.record(following)["staging"]["model_package_before"] == story.good
    assert story.life_cycle(killed) == ("Staging", "Failed")
    assert story.line.packages_served() == (following, following)


def test_a_call_of_a_killed_holder_that_goes_on_changes_nothing(story: Story) -> None:
    line, updated = story.line, []
    killed, following = line.register(), line.register()
    original = LocalService.perform

    def perform(service: LocalService, call: Call, name: str, parameters: Any) -> Any:
        if name == "UpdateEndpoint":
            updated.append(parameters["EndpointConfigName"])
        return original(service, call, name, parameters)

    with pytest.MonkeyPatch.context() as patch, last_call_takes(line, seconds=0):
        patch.setattr(LocalService, "perform", perform)
        with hanging("CreateEndpointConfig") as faults:
            execution = line.approve(killed)
            eventually(lambda: faults.left == 0)
            waiting = line.approve(following)
            story.stop(execution)
            eventually(lambda: line.holder() not in (execution, None))
        assert story.recovery(execution)["status"] == "SUCCEEDED"
        assert line.ended(waiting)["status"] == "SUCCEEDED"
    version = killed.rsplit("/", 1)[1]
    assert updated, "the next one changed the endpoints"
    assert not [config for config in updated if f"-v{version}-" in config], "and the killed one did not"
    assert story.line.packages_served() == (following, following)


def test_of_twenty_approvals_at_once_never_two_are_at_the_endpoints(story: Story) -> None:
    line, before = story.line, set(story.line.executions())
    # All but the last are unusable: each takes its turn, reads its package and fails.
    packages = [line.register() for _ in range(20)]
    for package in packages[:-1]:
        evaluation = line.sagemaker.describe_model_package(ModelPackageName=package)
        uri = evaluation["CustomerMetadataProperties"]["evaluation"]
        line.deployed.s3.delete_object(Bucket=line.bucket, Key=uri.split("/", 3)[3])
    threads = [threading.Thread(target=line.set_approval, args=(p, "Approved")) for p in packages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended = story.new_executions(before, 20)
    turns = sorted(filter(None, (turn_of(line, found["executionArn"]) for found in ended)))
    assert len(turns) > 1
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(turns))
    [good] = [found for found in ended if json.loads(found["input"])["model_package_arn"] == packages[-1]]
    # An event that was told after that of a later approval is late, and ends without an error.
    assert {found.get("error", "Superseded") for found in ended if found is not good} <= {
        "UnusablePackage",
        "Superseded",
    }
    assert good["status"] == "SUCCEEDED"
    promoted = line.outcome(packages[-1]) == "promoted"
    assert story.line.packages_served()[1] == (packages[-1] if promoted else story.good)


def test_a_life_cycle_that_cannot_be_marked_stops_nothing(story: Story) -> None:
    line, package = story.line, story.line.register()
    with line.deployed.without_grant("sagemaker:UpdateModelPackage"):
        assert line.promote(package)["status"] == "SUCCEEDED"
    assert (
        "not authorized to perform: sagemaker:UpdateModelPackage"
        in line.record(package)["life_cycle_failure"]
    )
    assert story.line.packages_served() == (package, package)
