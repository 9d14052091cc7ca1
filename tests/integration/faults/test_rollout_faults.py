"""Faults on the way from a promotion to the devices; after each, prod devices run what they ran before."""

import io
import zipfile
from collections.abc import Iterator

import pytest
from faults.fleet import Fleet
from faults.seams import THROTTLED, refusing
from waiting import eventually

from local.cloud.server import LocalCloud

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def fleet(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    made = Fleet(cloud, tmp_path_factory.mktemp("rollout"), "rollout-faults")
    try:
        assert made.roll_out(made.register())["status"] == "SUCCEEDED"
        yield made
    finally:
        made.close()


@pytest.fixture
def untouched(fleet: Fleet) -> Iterator[Fleet]:
    """The fleet; afterwards prod was never deployed to, and both devices run what they ran before."""
    deployments, version = fleet.deployments("Prod"), fleet.runs(fleet.prod)
    assert version
    yield fleet
    assert fleet.deployments("Prod") == deployments, "prod is untouched"
    assert fleet.runs(fleet.prod) == version
    # The last word to staging is the version before, whatever the device's disk said when it came back.
    eventually(lambda: fleet.has_taken(fleet.staging, fleet.deployments("Staging")[0]))
    eventually(lambda: fleet.runs(fleet.staging) == version)


def version_of(package: str) -> str:
    return f"1.0.{package.rsplit('/', 1)[1]}"


def begin_and_kill(fleet: Fleet, package: str) -> str:
    """Begin a rollout and cut the staging device's power while it is at the deployment."""
    began = fleet.deployments("Staging")
    execution = fleet.begin(package)
    eventually(lambda: fleet.deployments("Staging") != began)
    [newest, *_] = fleet.deployments("Staging")

    def is_at_it() -> bool:
        deployment = fleet.staging.status()["deployment"]
        return bool(deployment.get("deploymentId") == newest and deployment["status"] == "IN_PROGRESS")

    eventually(is_at_it)
    fleet.staging.kill()
    assert is_at_it(), "it had not ended the deployment before"
    return execution


def test_a_device_that_dies_in_the_middle_of_a_deployment_comes_back_to_it(fleet: Fleet) -> None:
    package = fleet.register()
    execution = begin_and_kill(fleet, package)
    assert fleet.staging.status()["status"] == "STOPPED"
    fleet.staging.start()
    assert fleet.ended(execution)["status"] == "SUCCEEDED"
    assert [fleet.runs(device) for device in (fleet.staging, fleet.prod)] == [version_of(package)] * 2


@pytest.mark.parametrize("during", [False, True], ids=["before the deployment", "in the middle of it"])
def test_a_device_that_dies_and_stays_dead_ends_the_rollout_by_name(untouched: Fleet, during: bool) -> None:
    package = untouched.register()
    if during:
        execution = begin_and_kill(untouched, package)
    else:
        untouched.staging.kill()
        execution = untouched.begin(package)
    ended = untouched.ended(execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "DevicesFailed")
    assert untouched.staging.thing_name in ended["cause"]
    assert untouched.outcome(package) == "DevicesFailed"
    untouched.staging.start()


def test_an_artifact_that_was_changed_after_its_digest_was_taken_is_refused(untouched: Fleet) -> None:
    package = untouched.register()
    untouched.staging.kill()
    began = untouched.deployments("Staging")
    execution = untouched.begin(package)
    eventually(lambda: untouched.deployments("Staging") != began)
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("model.onnx", b"another model")
    untouched.deployed.put(
        untouched.bucket, f"components/{untouched.model}/{version_of(package)}/model.zip", other.getvalue()
    )
    untouched.staging.start()
    ended = untouched.ended(execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "DevicesFailed")
    assert f"{untouched.staging.thing_name} FAILED" in ended["cause"]


def test_a_model_that_no_device_can_load_stays_on_staging_and_is_taken_back(untouched: Fleet) -> None:
    package = untouched.register(b"this is no model")
    ended = untouched.roll_out(package)
    assert (ended["status"], ended["error"]) == ("FAILED", "DevicesFailed")
    assert f"{untouched.staging.thing_name} FAILED" in ended["cause"]


def test_a_promotion_of_a_package_that_was_rejected_since_deploys_nothing(untouched: Fleet) -> None:
    package = untouched.register()
    untouched.sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Rejected")
    staging = untouched.deployments("Staging")
    ended = untouched.roll_out(package)
    assert (ended["status"], ended["error"]) == ("FAILED", "NoLongerApproved")
    assert untouched.deployments("Staging") == staging


def test_a_removed_grant_fails_the_rollout_by_the_actions_name(untouched: Fleet) -> None:
    package = untouched.register()
    staging = untouched.deployments("Staging")
    with untouched.deployed.without_grant("greengrass:CreateComponentVersion"):
        ended = untouched.roll_out(package)
    assert ended["status"] == "FAILED"
    assert "not authorized to perform: greengrass:CreateComponentVersion" in ended["cause"]
    assert untouched.deployments("Staging") == staging


def test_after_all_of_them_a_throttled_rollout_of_a_good_model_reaches_every_device(fleet: Fleet) -> None:
    package = fleet.register()
    with refusing("CreateDeployment", THROTTLED, times=5) as faults:
        ended = fleet.roll_out(package)
    assert faults.left == 0
    assert ended["status"] == "SUCCEEDED", ended
    assert [fleet.runs(device) for device in (fleet.staging, fleet.prod)] == [version_of(package)] * 2


def test_a_roll_back_takes_the_devices_to_the_version_before(fleet: Fleet) -> None:
    """A roll back announces the older package; that its component is there already is no conflict."""
    older, newer = fleet.register(), fleet.register()
    assert fleet.roll_out(older)["status"] == "SUCCEEDED"
    assert fleet.roll_out(newer)["status"] == "SUCCEEDED"
    fleet.sagemaker.update_model_package(ModelPackageArn=newer, ModelApprovalStatus="Rejected")
    ended = fleet.ended(fleet.begin(older, after=100))
    assert ended["status"] == "SUCCEEDED", ended
    assert [fleet.runs(device) for device in (fleet.staging, fleet.prod)] == [version_of(older)] * 2
