"""What is left of a real promotion: a record that names everything by its hash, and pages for people."""

import hashlib
import json
from typing import Any

import pytest
from faults.promoted import Promotions

from lambdas.common.objects import split_uri
from local.cloud.server import LocalCloud

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Promotions:
    """A line with one promotion behind it."""
    return Promotions(cloud, tmp_path_factory.mktemp("evidence"), name="evidence")


@pytest.fixture
def record(line: Promotions) -> dict[str, Any]:
    return line.record(line.good)


def content(line: Promotions, uri: str) -> bytes:
    bucket, key = split_uri(uri)
    return bytes(line.deployed.s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def test_every_hash_of_the_record_is_that_of_the_object(line: Promotions, record: dict[str, Any]) -> None:
    for uri, recorded in record["hashes"].items():
        assert hashlib.sha256(content(line, uri)).hexdigest() == recorded, uri
    names = {uri.rpartition("/")[2] for uri in record["hashes"]}
    assert {"manifest.json", "evaluation.json", "labels.json", "model.tar.gz"} <= names
    assert record["unread"] == {}
    assert record["model_data"]["sha256"] == record["hashes"][record["model_data"]["uri"]]
    assert any("/staging/" in uri for uri in record["hashes"]), "what the staging test found"


def test_the_record_says_who_approved_what_was_seen_and_what_was_served(record: dict[str, Any]) -> None:
    assert (record["outcome"], record["purpose"]) == ("promoted", "promote")
    assert record["approved_by"]
    assert record["staging"]["test"]["map50"] == record["staging"]["test"]["registered"]["map50"]
    assert record["staging"]["steps"][-1]["what"] == record["prod"]["steps"][-1]["what"] == "in service"
    assert record["prod"]["config_before"] is None
    assert record["prod"]["smoke"]["requests"] > 0
    names = {alarm["name"] for alarm in record["prod"]["alarms"]}
    assert names == set(record["prod"]["deployed"]["alarms"])
    assert not {alarm["state"] for alarm in record["prod"]["alarms"]} - {"OK", "INSUFFICIENT_DATA", "ALARM"}


def test_the_ledger_has_the_hash_of_the_record(line: Promotions, record: dict[str, Any]) -> None:
    [entry] = [item for item in line.releases.scan()["Items"] if item["package"] == line.good]
    assert entry["record_sha256"] == hashlib.sha256(content(line, entry["record"])).hexdigest()
    assert json.loads(content(line, entry["record"])) == record


def test_there_is_a_page_of_it_that_names_its_hash(line: Promotions) -> None:
    folder = f"s3://{line.bucket}/releases/tags/{line.good.rpartition('/')[2]}"
    page = content(line, f"{folder}/release.html").decode()
    assert "Prod serves it." in page
    assert hashlib.sha256(content(line, f"{folder}/release.json")).hexdigest() in page
