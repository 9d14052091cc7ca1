"""Which approval has which outcome: decided in docs/adr/0017, here in the deployed line."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.promoted import Promotions
from faults.story import Gate, Story, deaf, deliver, story_of

from local.cloud.server import LocalCloud

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Promotions:
    return Promotions(cloud, tmp_path_factory.mktemp("identity"), name="identity")


@pytest.fixture
def story(line: Promotions) -> Iterator[Story]:
    with story_of(line) as story:
        yield story


def test_a_rejection_of_the_running_version_goes_back_to_the_one_before_it(story: Story) -> None:
    line, before = story.line, story.good
    running = line.register()
    assert line.promote(running)["status"] == "SUCCEEDED"
    assert story.life_cycle(before) == ("Production", "Replaced")
    back = line.ended(line.reject(running))
    assert back["status"] == "SUCCEEDED"
    assert story.line.packages_served() == (before, before)
    assert story.life_cycle(running) == ("Production", "RolledBack")
    assert story.life_cycle(before) == ("Production", "Serving")
    assert story.ledger()[-2:] == [running, before]
    record = line.record(before, back["executionArn"])
    assert (record["outcome"], record["purpose"]) == ("promoted", "roll back")
    assert record["rejected"]["model_package_arn"] == running


def test_a_rejection_of_a_version_before_the_running_one_changes_nothing(story: Story) -> None:
    line, before = story.line, story.good
    running = line.register()
    assert line.promote(running)["status"] == "SUCCEEDED"
    ledger = story.ledger()
    assert line.ended(line.reject(before))["status"] == "SUCCEEDED"
    assert (story.line.packages_served(), story.ledger()) == ((running, running), ledger)


def test_a_rejection_of_the_only_version_leaves_it_and_says_so(story: Story) -> None:
    line = story.line
    story.forget_releases()
    only = line.register()
    assert line.promote(only)["status"] == "SUCCEEDED"
    ended = line.ended(line.reject(only))
    assert (ended["status"], ended["error"]) == ("FAILED", "NothingToGoBackTo")
    assert f"{only} is Rejected" in ended["cause"]
    assert story.line.packages_served() == (only, only)
    assert line.record(only, ended["executionArn"])["outcome"] == "NothingToGoBackTo"


def test_two_approvals_within_a_second_are_both_promoted_in_their_order(story: Story) -> None:
    line, before = story.line, set(story.line.executions())
    first, second = line.register(), line.register()
    line.set_approval(first, "Approved")
    line.set_approval(second, "Approved")
    ended = story.new_executions(before, 2)
    assert [found["status"] for found in ended] == ["SUCCEEDED", "SUCCEEDED"]
    assert [json.loads(found["input"])["model_package_arn"] for found in ended] == [first, second]
    assert story.ledger()[-2:] == [first, second]
    assert story.line.packages_served() == (second, second)


def test_an_approval_that_arrives_after_a_later_one_is_superseded(story: Story) -> None:
    """Its event is late, and out of order: the package was approved first, and it is told second."""
    line = story.line
    late, running = line.register(), line.register()
    with deaf(line):
        line.set_approval(late, "Approved")
        approved = line.sagemaker.describe_model_package(ModelPackageName=late)["LastModifiedTime"]
    assert line.promote(running)["status"] == "SUCCEEDED"
    before = set(line.executions())
    deliver(line, late, approved.strftime("%Y-%m-%dT%H:%M:%SZ"), f"late-{late}")
    (ended,) = story.new_executions(before, 1)
    assert ended["status"] == "SUCCEEDED", "to come too late is no failure"
    assert line.record(late)["outcome"] == "Superseded"
    assert story.line.packages_served() == (running, running)


def test_an_older_version_that_is_approved_is_promoted(story: Story) -> None:
    line = story.line
    older, newer = line.register(), line.register()
    assert line.promote(newer)["status"] == "SUCCEEDED"
    assert line.promote(older)["status"] == "SUCCEEDED"
    assert story.line.packages_served() == (older, older)


def test_an_approval_that_is_told_again_starts_nothing(story: Story) -> None:
    line = story.line
    package = line.register()
    first = line.promote(package)
    given, before = json.loads(first["input"]), set(line.executions())
    for _ in range(2):
        answer = deliver(line, package, given["approved_at"], given["event_id"])
        assert answer == {"execution": first["name"], "started": False}
    assert set(line.executions()) == before


def test_a_package_that_is_changed_after_its_approval_never_gets_to_prod(
    story: Story, tmp_path: Path
) -> None:
    line, gate = story.line, Gate(tmp_path)
    package = line.register(first=gate.code)
    execution = line.approve(package)
    gate.reached()
    line.sagemaker.update_model_package(
        ModelPackageArn=package, CustomerMetadataProperties={"git_commit": "another"}
    )
    gate.open()
    ended = line.ended(execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "PackageChanged")
    assert story.line.packages_served() == (story.good, story.good)


@pytest.mark.parametrize("where", ["staging", "prod"])
def test_a_rejection_on_the_way_ends_the_promotion_and_nothing_else(
    story: Story, tmp_path: Path, where: str
) -> None:
    """While staging is tested; and after prod has been switched, before it is the release."""
    line, gate = story.line, Gate(tmp_path)
    if where == "staging":
        package = line.register(first=gate.code)
    else:
        package = line.register(on_load=f"PROD and exec({gate.code!r})")
    execution = line.approve(package)
    gate.reached()
    rejection = line.reject(package)
    gate.open()
    ended = line.ended(execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "NoLongerApproved")
    assert story.line.packages_served() == (story.good, story.good)
    assert line.ended(rejection)["status"] == "SUCCEEDED", "there is nothing to roll back"
    stage = "Staging" if where == "staging" else "Production"
    assert story.life_cycle(package) == (stage, "Failed")
    assert story.ledger()[-1] == story.good
