"""Supervisors and approvers at the deployed API, signed in as people of the pool, IAM enforced."""

import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from labeling_line import BOX, MODEL, LabelingLine, Person, deployed
from waiting import eventually

from lambdas.promotion.decisions import decision
from local.cloud.server import LocalCloud

NAME = "supervision-test"
ACCEPTED = (200, {"accepted": True})
GROUP = f"{NAME}-{MODEL}"


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> LabelingLine:
    return deployed(cloud, tmp_path_factory.mktemp("assembly"), NAME, suggest=False)


@pytest.fixture(scope="module")
def ada(line: LabelingLine) -> Person:
    return line.person("ada", "approvers")


@pytest.fixture
def package(line: LabelingLine) -> Iterator[str]:
    """A version that waits, with its evaluation and the page that asks for its approval."""
    sagemaker, s3 = line.root.client("sagemaker"), line.root.client("s3")
    evaluation = f"s3://{line.artifacts}/runs/{MODEL}/one/evaluation/evaluation.json"
    s3.put_object(Bucket=line.artifacts, Key=evaluation.split("/", 3)[3], Body=b'{"map50": 0.875}')
    container = {"Image": "image:1", "ModelDataUrl": f"s3://{line.artifacts}/runs/{MODEL}/one/model.tar.gz"}
    arn: str = sagemaker.create_model_package(
        ModelPackageGroupName=GROUP,
        ModelApprovalStatus="PendingManualApproval",
        CustomerMetadataProperties={"evaluation": evaluation},
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["application/x-image"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )["ModelPackageArn"]
    key = f"releases/{MODEL}/{arn.rpartition('/')[2]}/approval.html"
    s3.put_object(
        Bucket=line.artifacts, Key=key, Body=b"<h1>Approve?</h1>", ContentType="text/html", IfNoneMatch="*"
    )
    yield arn
    sagemaker.delete_model_package(ModelPackageName=arn)


def described(line: LabelingLine, arn: str) -> dict[str, Any]:
    found: dict[str, Any] = line.root.client("sagemaker").describe_model_package(ModelPackageName=arn)
    return found


def decide(person: Person, arn: str, verdict: str, note: str) -> tuple[int, dict[str, Any]]:
    return person.ask("POST", "packages/decision", {"arn": arn, "decision": verdict, "note": note})


def event_of(arn: str) -> dict[str, Any]:
    return {"time": datetime.now(UTC).isoformat(), "detail": {"ModelPackageArn": arn}}


def test_an_approver_reads_and_decides_in_their_own_name(
    line: LabelingLine, ada: Person, package: str
) -> None:
    status, found = ada.ask("GET", "packages")
    assert status == 200, found
    first = found["packages"][0]
    assert (first["arn"], first["status"], first["metrics"]) == (
        package, "PendingManualApproval", {"map50": 0.875},
    )  # fmt: skip
    with urllib.request.urlopen(first["report_url"]) as page:  # noqa: S310
        assert page.read() == b"<h1>Approve?</h1>"
    assert decide(ada, package, "approve", "looked at every mistake") == ACCEPTED
    now = described(line, package)
    assert now["ModelApprovalStatus"] == "Approved"
    assert now["ApprovalDescription"] == "ada: looked at every mistake"
    role = f"{NAME}-labeling-serve-packages"
    assert decision(event_of(package), now, page_role=role).by == "ada"


def test_a_decision_is_taken_once(line: LabelingLine, ada: Person, package: str) -> None:
    assert decide(ada, package, "reject", "no") == ACCEPTED
    changed = described(line, package)["LastModifiedTime"]
    assert decide(ada, package, "reject", "no") == ACCEPTED
    assert described(line, package)["LastModifiedTime"] == changed, "sent twice, made once"
    status, refusal = decide(ada, package, "approve", "or yes")
    assert (status, refusal["message"]) == (409, "this version waits no longer: it is Rejected (ada: no)")


def test_a_decision_that_another_made_meanwhile_stands(line: LabelingLine, ada: Person, package: str) -> None:
    line.root.client("sagemaker").update_model_package(
        ModelPackageArn=package, ModelApprovalStatus="Rejected", ApprovalDescription="bob: I was first"
    )
    status, refusal = decide(ada, package, "approve", "good")
    assert (status, "Rejected" in refusal["message"]) == (409, True)
    role = f"{NAME}-labeling-serve-packages"
    assert decision(event_of(package), described(line, package), page_role=role).by.endswith(":root")


def test_packages_of_others_are_not_there(line: LabelingLine, ada: Person, package: str) -> None:
    sagemaker = line.root.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName=f"{NAME}-others")
    theirs = sagemaker.create_model_package(
        ModelPackageGroupName=f"{NAME}-others",
        InferenceSpecification=described(line, package)["InferenceSpecification"],
    )["ModelPackageArn"]
    assert decide(ada, theirs, "approve", "good")[0] == 404
    assert theirs not in {found["arn"] for found in ada.ask("GET", "packages")[1]["packages"]}


def test_groups_decide_who_may_do_what(line: LabelingLine, ada: Person, package: str) -> None:
    for person in (line.ann, line.sue):
        assert person.ask("GET", "packages")[0] == 403
        assert decide(person, package, "approve", "mine")[0] == 403
    for person in (line.ann, ada):
        assert person.ask("GET", "supervision")[0] == 403
        assert person.ask("GET", "supervision/tasks?round=a")[0] == 403
        assert person.ask("POST", "supervision/rounds", {"model": MODEL})[0] == 403
        assert person.ask("POST", "supervision/rounds/0123/close", {})[0] == 403
    assert described(line, package)["ModelApprovalStatus"] == "PendingManualApproval"
    assert Person(line.ann.url, lambda: "none").ask("GET", "packages")[0] == 401


def test_a_supervisor_starts_labeling_watches_it_and_closes_it(line: LabelingLine) -> None:
    uris = {line.upload(f"supervised/{number}.jpg") for number in range(2)}
    status, started = line.sue.ask("POST", "supervision/rounds", {"model": MODEL})
    assert status == 200, started
    assert line.sue.ask("POST", "supervision/rounds", {"model": MODEL})[0] == 409
    assert line.sue.ask("POST", "supervision/rounds", {"model": "other"})[0] == 404
    [task] = line.ann.wait_for("label", 1)
    assert line.ann.answer(task, {"boxes": [BOX], "seconds": 12})[0] == 200
    [held] = line.ann.wait_for("label", 1)
    found = line.sue.ask("GET", "supervision")[1]
    [opened] = [one for one in found["rounds"] if one["execution"] == started["execution"]]
    assert (opened["kind"], opened["total"], opened["answered"], opened["status"]) == ("label", 2, 1, "open")
    [ann] = [one for one in found["people"] if one["name"] == "ann"]
    assert ann["label"]["answered"] == 1
    pictures = line.sue.ask("GET", f"supervision/tasks?round={opened['round']}&after=0")[1]["tasks"]
    assert {picture["image_uri"] for picture in pictures} == uris
    with urllib.request.urlopen(pictures[0]["image_url"]) as image:  # noqa: S310
        assert image.status == 200
    assert line.sue.ask("POST", f"supervision/rounds/{opened['round']}/close", {}) == ACCEPTED
    [verify] = line.bob.wait_for("verify", 1)
    status, refusal = line.ann.answer(held, {"boxes": []})
    assert (status, "over" in refusal["message"]) == (409, True)
    assert line.bob.answer(verify, {"verdict": "approve"})[0] == 200
    _close_the_rest(line, started["execution"])
    result = line.result(started["execution"])
    assert result["labeled"] == 1


def _close_the_rest(line: LabelingLine, execution: str) -> None:
    """Close what the execution opens again for the picture that nobody answered, until it has ended."""

    def ended() -> bool:
        for found in line.sue.ask("GET", "supervision")[1]["rounds"]:
            if found["execution"] == execution and found["status"] == "open":
                line.sue.ask("POST", f"supervision/rounds/{found['round']}/close", {})
        return line.has_ended(execution)

    eventually(ended)
