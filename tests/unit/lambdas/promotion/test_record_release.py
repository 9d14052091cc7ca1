"""The record of a release: everything that was decided and seen, and the hash of every object it names."""

import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from written_objects import WrittenObjects, error, sha256

from lambdas.promotion import record_release

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/edgeline-tags/2"
BUCKET = "s3://edgeline-artifacts"
RUN, RELEASE = f"{BUCKET}/runs/tags/r2", f"{BUCKET}/releases/tags/2"
ALARM = {
    "AlarmName": "edgeline-tags-prod-errors",
    "StateValue": "OK",
    "StateReason": "quiet",
    "StateUpdatedTimestamp": datetime(2026, 11, 21, 17, 5, tzinfo=UTC),
    "MetricName": "Invocation5XXErrors",
    "ComparisonOperator": "GreaterThanThreshold",
    "Threshold": 0.01,
}


class Watch:
    """A CloudWatch that knows one alarm, or denies."""

    denied = False

    def describe_alarms(self, *, AlarmNames: list[str]) -> dict[str, Any]:  # noqa: N803
        if self.denied:
            raise error("AccessDenied")
        return {"MetricAlarms": [ALARM] if ALARM["AlarmName"] in AlarmNames else []}


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    found = Watch()

    class There:
        def client(self, service: str) -> Any:
            assert service == "cloudwatch"
            return found

    class Prod:
        def enter(self, _execution: str) -> There:
            return There()

    monkeypatch.setattr("lambdas.promotion.release_alarms.workload", lambda *_: Prod())
    return found


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch, watch: Watch) -> WrittenObjects:
    made = WrittenObjects()
    made.objects = {
        f"{RUN}/dataset/manifest.json": json.dumps({"sha256": "abc"}).encode(),
        f"{RUN}/evaluation/evaluation.json": b'{"map50": 0.9}',
        f"{RUN}/evaluation/predictions.json": b"[]",
        f"{RUN}/model/model.tar.gz": b"weights",
        f"{RUN}/test/labels.json": b"{}",
        f"{RUN}/test/images/a.jpg": b"named by the manifest",
        f"{RELEASE}/staging/0123/evaluation.json": b'{"map50": 0.9, "requests": 7}',
        f"{RELEASE}/approval.html": b"<!doctype html>",
    }
    monkeypatch.setattr(boto3, "client", lambda _service: made)
    monkeypatch.setenv("ARTIFACTS_BUCKET", "edgeline-artifacts")
    monkeypatch.setenv("WORKLOADS", "{}")
    return made


def promotion(**more: Any) -> dict[str, Any]:
    return {
        "purpose": "promote",
        "model": "tags",
        "model_package_arn": ARN,
        "event_id": "id",
        "approved_at": "2026-11-21T17:00:14.123Z",
        "approved_by": "arn:aws:iam::123456789012:user/approver",
        "package": {
            "arn": ARN,
            "git_commit": "0123abc",
            "dataset_manifest": f"{RUN}/dataset/manifest.json",
            "evaluation": f"{RUN}/evaluation/evaluation.json",
            "test_set": f"{RUN}/test",
            "model_data": f"{RUN}/model/model.tar.gz",
            "test": {"results": f"{RELEASE}/staging/0123"},
        },
        "staging_before": {"endpoint": "edgeline-tags-staging", "config": None},
        "staging": {"endpoint": "edgeline-tags-staging", "config": "c"},
        "staging_test": {"map50": 0.9, "map50_95": 0.5},
        "prod_before": {"endpoint": "edgeline-tags-prod", "config": "old", "model_package": f"{ARN[:-1]}1"},
        "prod": {
            "endpoint": "edgeline-tags-prod",
            "config": "new",
            "guard": "blue-green",
            "alarms": [ALARM["AlarmName"], "edgeline-tags-prod-latency"],
        },
        "prod_check": {
            "status": "ready",
            "steps": [{"at": "2026-11-21T17:04:00+00:00", "what": "canary 10 %"}],
        },
        "prod_smoke": {"requests": 3, "p50_ms": 4.0},
        **more,
    }


def keep(state: dict[str, Any], execution: str = "e") -> dict[str, str]:
    event = {"execution": execution, "started_at": "2026-11-21T17:00:15Z", "promotion": state}
    return record_release.handler(event, None)


def record_of(s3: WrittenObjects, kept: dict[str, str]) -> dict[str, Any]:
    return dict(json.loads(s3.objects[kept["uri"]]))


def test_the_record_says_who_what_when_and_how(s3: WrittenObjects) -> None:
    kept = keep(promotion())
    record = record_of(s3, kept)
    assert kept["uri"] == f"{RELEASE}/release.json"
    assert (record["outcome"], record["purpose"]) == ("promoted", "promote")
    assert record["approved_by"].endswith("user/approver")
    assert record["dataset"] == {"manifest": f"{RUN}/dataset/manifest.json", "sha256": "abc"}
    assert record["model_data"] == {
        "uri": f"{RUN}/model/model.tar.gz",
        "bytes": len(b"weights"),
        "sha256": sha256(b"weights"),
    }
    prod = record["prod"]
    assert (prod["config_before"], prod["model_package_before"]) == ("old", f"{ARN[:-1]}1")
    assert [step["what"] for step in prod["steps"]] == ["canary 10 %"]
    assert record["staging"]["test"] == {"map50": 0.9, "map50_95": 0.5}
    assert record["approval_pages"] == [f"{RELEASE}/approval.html"]


def test_every_object_is_named_with_its_hash_and_the_record_by_its_own(s3: WrittenObjects) -> None:
    named = {uri: sha256(content) for uri, content in s3.objects.items() if "/images/" not in uri}
    kept = keep(promotion())
    assert record_of(s3, kept)["hashes"] == named
    assert kept["sha256"] == sha256(s3.objects[kept["uri"]])


def test_a_hash_that_s3_keeps_spares_the_reading(s3: WrittenObjects) -> None:
    model = f"{RUN}/model/model.tar.gz"
    s3.hashed.add(model)
    assert record_of(s3, keep(promotion()))["hashes"][model] == sha256(b"weights")
    assert model not in s3.read


def test_alarms_with_their_limits_and_states(s3: WrittenObjects, watch: Watch) -> None:
    errors, latency = record_of(s3, keep(promotion()))["prod"]["alarms"]
    assert (errors["state"], errors["threshold"], errors["metric"]) == ("OK", 0.01, "Invocation5XXErrors")
    assert latency["state"] == "gone"


def test_a_revoked_role_leaves_a_record_that_says_so(s3: WrittenObjects, watch: Watch) -> None:
    watch.denied = True
    states = {alarm["state"] for alarm in record_of(s3, keep(promotion()))["prod"]["alarms"]}
    assert states == {"unread"}


def test_an_artifact_that_is_gone_is_named_and_keeps_nothing_from_being_recorded(s3: WrittenObjects) -> None:
    model, manifest = f"{RUN}/model/model.tar.gz", f"{RUN}/dataset/manifest.json"
    del s3.objects[model]
    s3.denied.add(manifest)
    failure = {"Error": "ArtifactMissing", "Cause": json.dumps({"errorMessage": f"{model} is gone"})}
    record = record_of(s3, keep(promotion(failure=failure)))
    assert (record["outcome"], record["reason"]) == ("ArtifactMissing", f"{model} is gone")
    assert record["unread"].keys() == {model, manifest}
    assert record["model_data"] == {"uri": model, "bytes": None, "sha256": ""}


def test_what_passes_by_itself_is_not_written_into_a_record(
    s3: WrittenObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow_down(**_: Any) -> None:
        raise error("SlowDown")

    monkeypatch.setattr(s3, "head_object", slow_down)
    with pytest.raises(ClientError, match="SlowDown"):
        keep(promotion())


def test_a_failure_before_anything_was_read_is_recorded_by_name(s3: WrittenObjects) -> None:
    state = {
        "model": "tags",
        "model_package_arn": ARN,
        "event_id": "id",
        "approved_at": "2026-11-21T17:00:14.123Z",
        "failure": {"Error": "NoLongerApproved", "Cause": json.dumps({"errorMessage": f"{ARN} is Rejected"})},
    }
    record = record_of(s3, keep(state))
    assert (record["outcome"], record["reason"]) == ("NoLongerApproved", f"{ARN} is Rejected")
    assert (record["prod"]["deployed"], record["prod"]["alarms"]) == (None, [])


def test_a_second_attempt_keeps_the_first_record_its_time_and_its_hash(s3: WrittenObjects) -> None:
    assert keep(promotion()) == keep(promotion())
    again = keep(promotion(), "another")
    assert again["uri"] == f"{RELEASE}/release-another.json"
    assert f"{RELEASE}/release-another.html" in s3.objects


def test_what_was_recorded_as_promoted_and_was_put_back_has_another_record(s3: WrittenObjects) -> None:
    failure = {"Error": "ClientError", "Cause": json.dumps({"errorMessage": "no page could be kept"})}
    promoted, undone = keep(promotion()), keep(promotion(failure=failure))
    assert (promoted["outcome"], undone["outcome"]) == ("promoted", "ClientError")
    assert undone["uri"] == f"{RELEASE}/release-ClientError.json"
    assert f"{RELEASE}/release-ClientError.html" in s3.objects
    assert keep(promotion(failure=failure)) == undone


def test_a_roll_back_names_what_was_rejected(s3: WrittenObjects) -> None:
    rejected = {"rejected": f"{ARN[:-1]}3", "rejected_by": "somebody", "rejected_at": "now"}
    record = record_of(s3, keep(promotion(purpose="roll back", **rejected)))
    assert record["rejected"] == {"model_package_arn": f"{ARN[:-1]}3", "by": "somebody", "at": "now"}


def test_the_page_of_the_record_says_the_same(s3: WrittenObjects) -> None:
    kept = keep(promotion())
    page = s3.objects[f"{RELEASE}/release.html"].decode()
    for said in (
        "Prod serves it.",
        "user/approver",
        "canary 10 %",
        "0.900",
        kept["sha256"],
        sha256(b"weights"),
    ):
        assert said in page


def test_the_page_escapes_what_it_is_told(s3: WrittenObjects) -> None:
    failure = {"Error": "EndpointFailed", "Cause": json.dumps({"errorMessage": "<script>alert(1)</script>"})}
    keep(promotion(failure=failure))
    page = s3.objects[f"{RELEASE}/release.html"].decode()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
