"""Faults on the way from an approval to the endpoints; after each, prod serves what it served before."""

import json
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from archives import tar_gz
from faults.promoted import Promotions
from faults.seams import THROTTLED, hanging, refusing
from faults.story import Gate, deliver

from local.cloud.server import LocalCloud
from local.sagemaker.plugin import SageMakerPlugin

pytestmark = pytest.mark.acceptance
# An approval that is taken back without a rejection, which would be a roll back.
WITHDRAWN = "PendingManualApproval"
EVERY_5_SECONDS, EVERY_SECOND = '"Seconds":5', '"Seconds":1'


@pytest.fixture(scope="module")
def deployed(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Promotions:
    return Promotions(cloud, tmp_path_factory.mktemp("promotion"), name="faults")


@pytest.fixture
def line(deployed: Promotions) -> Iterator[Promotions]:
    """The line with a good model in both endpoints; afterwards it is as before, and the next run works."""
    before, kept = deployed.serves(), deployed.deployed.keys(deployed.bucket, "runs/")
    with deployed.deployed.machine_with(deployed.machine, EVERY_5_SECONDS, EVERY_SECOND):
        yield deployed
        assert deployed.quiet()
        assert deployed.serves() == before, "what was served before is served still"
        assert deployed.holder() is None, "the next promotion does not have to wait"
        assert kept <= deployed.deployed.keys(deployed.bucket, "runs/"), "no evidence is lost"
        deployed.set_approval(deployed.good, WITHDRAWN)
        assert deployed.promote(deployed.good)["status"] == "SUCCEEDED", "the next run works"


def test_a_staging_test_that_crashes_stops_the_promotion(line: Promotions) -> None:
    package = line.register(first="raise SystemExit('the test set is damaged')")
    ended = line.promote(package)
    assert (ended["status"], ended["error"]) == ("FAILED", "StagingTestFailed")
    assert "the test set is damaged" in ended["cause"]
    assert line.outcome(package) == "StagingTestFailed"


def test_a_staging_test_that_is_killed_stops_the_promotion(line: Promotions) -> None:
    ended = line.promote(line.register(first="os.kill(os.getpid(), signal.SIGKILL)"))
    assert (ended["status"], ended["error"]) == ("FAILED", "StagingTestFailed")
    assert "killed by signal 9 (SIGKILL)" in ended["cause"]


def test_a_staging_test_that_hangs_is_ended_by_its_limit(line: Promotions) -> None:
    package = line.register(first="time.sleep(1000)")
    limit = '"MaxRuntimeInSeconds":'
    with line.deployed.machine_with(line.machine, f"{limit}3600", f"{limit}2"):
        ended = line.promote(package)
    assert (ended["status"], ended["error"]) == ("FAILED", "StagingTestFailed")
    assert "longer than its MaxRuntimeInSeconds of 2" in ended["cause"]


def test_a_staging_test_without_room_on_its_disk_stops_the_promotion(line: Promotions) -> None:
    full = "open('/dev/full', 'w', buffering=1).write('predictions\\n')"
    ended = line.promote(line.register(first=full))
    assert (ended["status"], ended["error"]) == ("FAILED", "StagingTestFailed")
    assert "No space left on device" in ended["cause"]


def test_a_staging_endpoint_that_dies_during_its_test_comes_back_and_the_test_goes_on(
    line: Promotions, deployed: Promotions, cloud: LocalCloud, tmp_path: Path
) -> None:
    gate = Gate(tmp_path)
    package = line.register(first=gate.code)
    execution = line.approve(package)
    gate.reached()
    serving = cloud.plugin(SageMakerPlugin).endpoints.serving(line.staging)
    assert serving is not None
    [instance] = serving.variants[0].instances
    os.kill(instance.pid or 0, signal.SIGKILL)
    gate.open()
    assert line.ended(execution)["status"] == "SUCCEEDED"
    assert line.outcome(package) == "promoted"
    line.set_approval(deployed.good, WITHDRAWN)
    assert line.promote(deployed.good)["status"] == "SUCCEEDED"


def test_a_staging_endpoint_that_dies_of_every_picture_never_gets_to_prod(line: Promotions) -> None:
    package = line.register(on_picture="os._exit(9)")
    ended = line.promote(package)
    assert (ended["status"], ended["error"]) == ("FAILED", "StagingTestFailed")
    assert "SageMaker could not get a response" in ended["cause"]


def test_an_endpoint_that_dies_in_prod_only_puts_both_back(line: Promotions) -> None:
    package = line.register(on_load="PROD and os._exit(9)")
    ended = line.promote(package)
    assert (ended["status"], ended["error"]) == ("FAILED", "EndpointFailed")
    assert line.prod in ended["cause"]
    assert "code 9" in ended["cause"]
    assert line.outcome(package) == "EndpointFailed"


def test_a_model_that_answers_wrong_in_prod_only_puts_both_back(line: Promotions) -> None:
    ended = line.promote(line.register(on_picture="return {'width': 1} if PROD else {**model}"))
    assert (ended["status"], ended["error"]) == ("FAILED", "SmokeTestFailed")
    assert "not the promised JSON" in ended["cause"]


def test_a_model_that_answers_wrong_in_staging_never_gets_to_prod(line: Promotions) -> None:
    ended = line.promote(line.register(answers=0.5))
    assert (ended["status"], ended["error"]) == ("FAILED", "StagingTestFailed")
    assert "map50 is 0.5000, registered 0.9000" in ended["cause"]


@pytest.mark.parametrize("end", [-40, None], ids=["cut off", "no archive"])
def test_a_broken_model_archive_never_comes_into_service(line: Promotions, end: int | None) -> None:
    whole = tar_gz({"model.onnx": "{}" * 500, "code/inference.py": "import json"})
    ended = line.promote(line.register(archive=whole[:end] if end else b"this is no archive"))
    assert (ended["status"], ended["error"]) == ("FAILED", "EndpointFailed")
    assert line.staging in ended["cause"]
    assert "model.tar.gz" in ended["cause"]


def test_an_approval_that_arrives_after_the_package_was_rejected_deploys_nothing(line: Promotions) -> None:
    package, approved = line.register(), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert line.ended(line.reject(package))["status"] == "SUCCEEDED", "there is nothing to roll back"
    configs = line.sagemaker.list_endpoint_configs()["EndpointConfigs"]
    before = set(line.executions())
    assert deliver(line, package, approved, f"late-{package}")["started"]
    [execution] = set(line.executions()) - before
    ended = line.ended(execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "NoLongerApproved")
    assert "is Rejected" in ended["cause"]
    assert line.sagemaker.list_endpoint_configs()["EndpointConfigs"] == configs


def test_an_approval_that_is_withdrawn_during_the_staging_test_never_gets_to_prod(
    line: Promotions, tmp_path: Path
) -> None:
    gate = Gate(tmp_path)
    package = line.register(first=gate.code)
    execution = line.approve(package)
    gate.reached()
    line.set_approval(package, WITHDRAWN)
    gate.open()
    ended = line.ended(execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "NoLongerApproved")


def test_a_removed_grant_fails_the_promotion_by_the_actions_name(line: Promotions) -> None:
    package = line.register()
    with line.deployed.without_grant("sagemaker:CreateEndpointConfig"):
        ended = line.promote(package)
    assert ended["status"] == "FAILED"
    assert "not authorized to perform: sagemaker:CreateEndpointConfig" in ended["cause"]
    assert line.outcome(package) == ended["error"]


def test_a_prod_that_no_longer_trusts_the_promotion_keeps_what_it_serves(
    line: Promotions, cloud: LocalCloud
) -> None:
    iam, promoter = cloud.root_session().client("iam"), "faults-prod-promoter"
    trust = iam.get_role(RoleName=promoter)["Role"]["AssumeRolePolicyDocument"]
    others = json.dumps(trust).replace("promotion-read-endpoint", "promotion-another")
    iam.update_assume_role_policy(RoleName=promoter, PolicyDocument=others)
    try:
        package = line.register()
        ended = line.promote(package)
    finally:
        iam.update_assume_role_policy(RoleName=promoter, PolicyDocument=json.dumps(trust))
    assert ended["status"] == "FAILED"
    assert "promotion-read-endpoint" in ended["cause"]
    assert (
        f"not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::{cloud.account}:role/"
        in (ended["cause"])
    )
    assert line.outcome(package) == ended["error"]


def test_a_throttled_api_is_asked_again_until_it_answers(line: Promotions) -> None:
    line.set_approval(line.good, WITHDRAWN)
    # As often as the SDK asks by itself before it gives up.
    with refusing("DescribeEndpoint", THROTTLED, times=5) as faults:
        ended = line.promote(line.good)
    assert faults.left == 0
    assert ended["status"] == "SUCCEEDED"


def test_a_function_that_times_out_is_called_again(line: Promotions) -> None:
    line.set_approval(line.good, WITHDRAWN)
    function = line.deployed.resource("promotion", "AWS::Lambda::Function", "FunctionsReadEndpoint")
    limit, hang = (
        line.deployed.function_limit(function, seconds=3),
        hanging("DescribeEndpoint", of=f"/{line.group}-"),
    )
    with limit, hang as faults:
        ended = line.promote(line.good)
    assert faults.left == 0
    assert ended["status"] == "SUCCEEDED"
    assert line.deployed.has_retried(ended["executionArn"], "Task timed out")
