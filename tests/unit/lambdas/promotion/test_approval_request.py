"""The functions behind a request for approval: its start, its plan, its pictures, its words."""

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import boto3
import pytest
from fake_states import FakeStates
from written_objects import WrittenObjects, error

from lambdas.common.packages import UnusablePackage
from lambdas.promotion import plan_comparison, start_approval_request, write_approval_page
from lambdas.promotion.embedded_pictures import embed
from lambdas.promotion.failures import reason_of
from lambdas.promotion.kept_page import keep_page

EVENT = json.loads((Path(__file__).parents[3] / "fixtures/events/model_package_approved.json").read_text())
ARN = EVENT["detail"]["ModelPackageArn"]
OLD = f"{ARN[:-1]}1"
MODELS = json.dumps(
    {
        "tags": {
            "group": "edgeline-tags",
            "classes": ["scratch"],
            "tolerance": 0.02,
            "test_instance": "ml.m5.xlarge",
            "endpoints": {},
        }
    }
)
RUN = "s3://edgeline-artifacts/runs/tags/run2"


def waiting(**changes: Any) -> dict[str, Any]:
    detail = {**EVENT["detail"], "ModelApprovalStatus": "PendingManualApproval", **changes}
    return {**EVENT, "detail": {key: value for key, value in detail.items() if value is not None}}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, sagemaker: Any) -> dict[str, Any]:
    clients = {"sagemaker": sagemaker, "stepfunctions": FakeStates(), "s3": WrittenObjects()}
    monkeypatch.setattr(boto3, "client", lambda service: clients[service])
    for name, value in {
        "MODELS": MODELS,
        "STATE_MACHINE_ARN": "arn:stateMachine:requests",
        "ARTIFACTS_BUCKET": "edgeline-artifacts",
    }.items():
        monkeypatch.setenv(name, value)
    return clients


def test_a_package_that_begins_to_wait_is_asked_about_once(aws: dict[str, Any]) -> None:
    registered = waiting(UpdatedModelPackageFields=None)
    results = [start_approval_request.handler(registered, None) for _ in range(2)]
    assert [result["started"] for result in results] == [True, False]
    assert list(aws["stepfunctions"].started.values()) == [
        {"model": "tags", "model_package_arn": ARN, "event_id": EVENT["id"]}
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"UpdatedModelPackageFields": ["ModelLifeCycle"]},
        {"ModelPackageStatus": "InProgress", "UpdatedModelPackageFields": None},
        {"ModelApprovalStatus": "Approved"},
        {"ModelApprovalStatus": "Rejected"},
    ],
)
def test_nothing_else_asks(aws: dict[str, Any], changes: dict[str, Any]) -> None:
    assert start_approval_request.handler(waiting(**changes), None) == {"execution": None, "started": False}
    assert aws["stepfunctions"].started == {}


def plan(**request: Any) -> dict[str, Any]:
    state = {"model": "tags", "model_package_arn": ARN, **request}
    return plan_comparison.handler({"execution": "e", "request": state}, None)


def serves(arn: str | None) -> dict[str, Any]:
    return {"prod": {"endpoint": "edgeline-tags-prod", "model_package": arn}}


def test_prods_model_is_measured_by_the_new_packages_code_on_its_test_set(
    aws: dict[str, Any], describe_package: Any
) -> None:
    for number in (1, 2):
        aws["sagemaker"].add(describe_package(number, "PendingManualApproval"))
    planned = plan(**serves(OLD))
    job = planned["comparison"]
    assert (planned["compare"], planned["prod"]["arn"], planned["new"]["arn"]) == (True, OLD, ARN)
    assert (job["test_set"], job["dataset"]) == (f"{RUN}/test", f"{RUN}/dataset")
    assert job["model"].endswith("/run1/model/train/output/model.tar.gz")
    assert job["results"].startswith("s3://edgeline-artifacts/releases/tags/2/comparison/")
    assert len(job["job"]) <= 63


def test_the_jobs_of_every_group_have_names_that_may_be_used() -> None:
    assert len(plan_comparison.job_prefix("e" * 63)) + 12 <= 63


@pytest.mark.parametrize(
    ("request_", "remark"),
    [
        (serves(None), "Prod serves nothing yet: there is nothing to compare with."),
        (serves(ARN), "Prod serves this very version."),
        (
            {"failure": {"Error": "EndpointBusy", "Cause": '{"errorMessage": "it is Updating"}'}},
            "it is Updating",
        ),
    ],
)
def test_where_there_is_nothing_to_compare_with_the_plan_says_why(
    aws: dict[str, Any], describe_package: Any, request_: dict[str, Any], remark: str
) -> None:
    aws["sagemaker"].add(describe_package(2, "PendingManualApproval"))
    planned = plan(**request_)
    assert planned["compare"] is False
    assert remark in planned["remark"]


def test_a_package_in_prod_that_is_gone_is_a_remark(
    aws: dict[str, Any], describe_package: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = describe_package(2)

    def describe(*, ModelPackageName: str) -> Any:  # noqa: N803
        if ModelPackageName == ARN:
            return new
        raise error("ValidationException")

    monkeypatch.setattr(aws["sagemaker"], "describe_model_package", describe)
    assert f"Prod serves {OLD}, which cannot be compared with" in plan(**serves(OLD))["remark"]


def test_a_package_without_what_the_page_needs_is_refused(aws: dict[str, Any], describe_package: Any) -> None:
    new = describe_package(2)
    del new["CustomerMetadataProperties"]["evaluation"]
    aws["sagemaker"].add(new)
    with pytest.raises(UnusablePackage, match="evaluation"):
        plan(**serves(None))


def test_why_a_state_failed_is_said_in_words() -> None:
    job = {"ProcessingJobName": "j", "ProcessingJobStatus": "Failed", "FailureReason": "exit code 1"}
    failure = {"Error": "States.TaskFailed", "Cause": json.dumps(job)}
    assert reason_of(failure) == "the job j ended Failed: exit code 1"
    assert reason_of({"Error": "States.Timeout", "Cause": ""}) == "States.Timeout"
    assert reason_of({"Error": "E", "Cause": '{"errorMessage": "no"}'}) == "E: no"


def png(size: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header, rows = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0), zlib.compress(b"\0\x80")
    text = chunk(b"tEXt", b"x" * size)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + text + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_pictures_are_embedded_as_far_as_the_budget_goes() -> None:
    s3 = WrittenObjects()
    for name, content in {"a": png(600), "big": png(2000), "b": png(100), "text": b"hello"}.items():
        s3.objects[f"{RUN}/test/{name}"] = content
    found = embed(s3, f"{RUN}/test/", ["a", "big", "b", "text", "gone"], budget=1500)
    assert {name for name, picture in found.items() if picture.embedded} == {"a", "b"}
    assert found["big"].reason == "it has 2.1 kB, more than the page has room for"
    assert "not one of JPEG" in found["text"].reason
    assert found["gone"].reason == "it cannot be read (NoSuchKey)"


def test_a_page_is_kept_once_and_another_request_has_its_own() -> None:
    s3 = WrittenObjects()
    where = {"bucket": "b", "folder": "releases/tags/2", "name": "approval"}
    first = keep_page(s3, **where, page="one", execution="e")
    assert keep_page(s3, **where, page="two", execution="e") == first
    assert s3.objects[first] == b"one"
    assert keep_page(s3, **where, page="two", execution="f") == "s3://b/releases/tags/2/approval-f.html"


def state(**more: Any) -> dict[str, Any]:
    package = {
        "arn": ARN,
        "version": 2,
        "registered_at": "2026-11-21 08:41 UTC",
        "git_commit": "0123abc",
        "dataset_manifest": f"{RUN}/dataset/manifest.json",
        "evaluation": f"{RUN}/evaluation/evaluation.json",
        "test_set": f"{RUN}/test",
    }
    planned = {"new": package, "prod": None, "compare": False, "remark": "Prod serves nothing yet.", **more}
    return {"model": "tags", "model_package_arn": ARN, "plan": planned}


def written(aws: dict[str, Any], request: dict[str, Any]) -> tuple[dict[str, str], str]:
    s3 = aws["s3"]
    s3.objects.setdefault(
        f"{RUN}/dataset/manifest.json", json.dumps({"sha256": "abc", "images": []}).encode()
    )
    s3.objects.setdefault(f"{RUN}/evaluation/evaluation.json", json.dumps({"map50": 0.8}).encode())
    made = write_approval_page.handler({"execution": "e", "request": request}, None)
    return made, s3.objects[made["page"]].decode()


def test_the_notice_says_what_the_page_is_about_and_how_to_decide(aws: dict[str, Any]) -> None:
    made, page = written(aws, state())
    assert made["page"] == "s3://edgeline-artifacts/releases/tags/2/approval.html"
    assert made["subject"] == "Approve tags, version 2?"
    for said in (
        made["page"],
        "mAP50     0.800",
        "Prod serves nothing yet.",
        "Approved",
        "Rejected",
        "console",
    ):
        assert said in made["message"]
    assert "Prod serves nothing yet." in page


@pytest.mark.parametrize("there", [True, False])
def test_a_comparison_that_failed_leaves_a_page_that_says_why(aws: dict[str, Any], there: bool) -> None:
    prod = {**state()["plan"]["new"], "arn": OLD, "version": 1}
    request = state(prod=prod, compare=True, remark="", comparison={"results": "s3://edgeline-artifacts/c"})
    if there:
        request["failure"] = {"Error": "States.TaskFailed", "Cause": '{"errorMessage": "out of memory"}'}
    made, page = written(aws, request)
    assert "The comparison with version 1, which prod serves, failed: " in page
    assert ("out of memory" if there else "NoSuchKey") in page
    assert "0.800" in made["message"]
