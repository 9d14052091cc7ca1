"""What a package names is gone, or is not what was registered: nothing of it is deployed any further."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.promoted import Promotions
from faults.story import Gate

from local.cloud.server import LocalCloud

pytestmark = pytest.mark.acceptance
EVERY_5_SECONDS, EVERY_SECOND = '"Seconds":5', '"Seconds":1'
MODEL, MANIFEST = "model/train/output/model.tar.gz", "dataset/manifest.json"
LABELS, EVALUATION = "test/labels.json", "evaluation/evaluation.json"


@pytest.fixture(scope="module")
def deployed(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Promotions:
    return Promotions(cloud, tmp_path_factory.mktemp("artifacts"), name="artifacts")


@pytest.fixture
def line(deployed: Promotions) -> Iterator[Promotions]:
    """The line with a good model in both endpoints, which it has afterwards too."""
    before = deployed.serves()
    with deployed.deployed.machine_with(deployed.machine, EVERY_5_SECONDS, EVERY_SECOND):
        yield deployed
        assert deployed.quiet()
        assert deployed.serves() == before, "what was served before is served still"
        assert deployed.holder() is None, "the next promotion does not have to wait"


def run_of(line: Promotions, package: str) -> str:
    """The prefix in the artifacts bucket under which the package's training has left everything."""
    described = line.sagemaker.describe_model_package(ModelPackageName=package)
    prefix = f"s3://{line.bucket}/"
    dataset: str = described["CustomerMetadataProperties"]["dataset"]
    return dataset.removeprefix(prefix).rpartition("/")[0]


def change(line: Promotions, key: str, change: Callable[[bytes], bytes]) -> None:
    found = line.deployed.s3.get_object(Bucket=line.bucket, Key=key)["Body"].read()
    line.deployed.put(line.bucket, key, change(found))


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def other_dataset(content: bytes) -> bytes:
    return json.dumps({**json.loads(content), "dataset_sha256": "0" * 64}).encode()


def more_pictures(content: bytes) -> bytes:
    return json.dumps({**json.loads(content), "images": [{"uri": "s3://images/another.jpg"}]}).encode()


def configs(line: Promotions) -> Any:
    return line.sagemaker.list_endpoint_configs()["EndpointConfigs"]


@pytest.mark.parametrize("name", [MODEL, MANIFEST, LABELS], ids=["model", "manifest", "test set"])
def test_an_artifact_that_is_gone_stops_the_promotion_before_anything_is_deployed(
    line: Promotions, name: str
) -> None:
    package, made = line.register(), configs(line)
    key = f"{run_of(line, package)}/{name}"
    line.deployed.s3.delete_object(Bucket=line.bucket, Key=key)
    ended = line.promote(package)
    assert (ended["status"], ended["error"]) == ("FAILED", "ArtifactMissing")
    assert f"s3://{line.bucket}/{key} is gone" in ended["cause"]
    assert line.outcome(package) == "ArtifactMissing"
    assert configs(line) == made


def test_an_evaluation_that_is_gone_stops_the_promotion_by_name(line: Promotions) -> None:
    package = line.register()
    line.deployed.s3.delete_object(Bucket=line.bucket, Key=f"{run_of(line, package)}/{EVALUATION}")
    ended = line.promote(package)
    assert (ended["status"], ended["error"]) == ("FAILED", "UnusablePackage")
    assert f"{EVALUATION} cannot be read" in ended["cause"]


@pytest.mark.parametrize(
    ("name", "how"),
    [(MODEL, flipped), (MANIFEST, more_pictures), (LABELS, other_dataset)],
    ids=["model", "manifest", "test set"],
)
def test_an_artifact_with_a_wrong_hash_stops_the_promotion_before_anything_is_deployed(
    line: Promotions, name: str, how: Callable[[bytes], bytes]
) -> None:
    package, made = line.register(), configs(line)
    key = f"{run_of(line, package)}/{name}"
    change(line, key, how)
    ended = line.promote(package)
    assert (ended["status"], ended["error"]) == ("FAILED", "ArtifactChanged")
    assert f"s3://{line.bucket}/{key}: its SHA-256 is" in ended["cause"]
    assert line.outcome(package) == "ArtifactChanged"
    assert configs(line) == made


def test_a_model_that_is_exchanged_while_staging_is_tested_never_gets_to_prod(
    line: Promotions, tmp_path: Path
) -> None:
    gate = Gate(tmp_path)
    package = line.register(first=gate.code)
    execution = line.approve(package)
    gate.reached()
    change(line, f"{run_of(line, package)}/{MODEL}", flipped)
    gate.open()
    ended = line.ended(execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "ArtifactChanged")
    record = line.record(package)
    assert record["staging"]["test"]["map50"] == pytest.approx(0.9)
    assert record["prod"]["deployed"] is None
