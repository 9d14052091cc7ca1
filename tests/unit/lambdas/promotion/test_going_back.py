"""The ledger of releases, and which of them a roll back goes to."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lambdas.common.packages import digest
from lambdas.promotion import enter_release, find_release
from lambdas.promotion.find_release import NothingToGoBackTo

GROUP = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/edgeline-tags"


class FakeLedger:
    """Answers one release a page, as DynamoDB may."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}

    def Table(self, name: str) -> "FakeLedger":  # noqa: N802 - as boto3 names it
        assert name == "releases"
        return self

    def put_item(self, *, Item: dict[str, Any]) -> None:  # noqa: N803
        self.items[Item["promoted_at"]] = Item

    def query(self, *, ScanIndexForward: bool, ExclusiveStartKey: int = 0, **_: Any) -> dict[str, Any]:  # noqa: N803
        assert not ScanIndexForward
        found = [self.items[time] for time in sorted(self.items, reverse=True)]
        page: dict[str, Any] = {"Items": found[ExclusiveStartKey : ExclusiveStartKey + 1]}
        if ExclusiveStartKey + 1 < len(found):
            page["LastEvaluatedKey"] = ExclusiveStartKey + 1
        return page


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch, sagemaker: Any) -> FakeLedger:
    fake = FakeLedger()
    monkeypatch.setattr(boto3, "resource", lambda service: {"dynamodb": fake}[service])
    monkeypatch.setattr(boto3, "client", lambda service: {"sagemaker": sagemaker}[service])
    monkeypatch.setenv("RELEASES_TABLE", "releases")
    return fake


def promoted(package: dict[str, Any], at: str) -> dict[str, Any]:
    """The state of a promotion that has just been recorded."""
    arn = package["ModelPackageArn"]
    return {
        "purpose": "promote",
        "model": "tags",
        "package": {"arn": arn, "version": int(arn.rsplit("/", 1)[1])},
        "prod": {"config": f"config of {arn}"},
        "release": {"uri": f"s3://b/{at}.json", "sha256": "abc", "recorded_at": at},
        "approved_at": f"approved {at}",
        "approved_by": "arn:approver",
        "digest": digest(package),
    }


@pytest.fixture
def released(ledger: FakeLedger, sagemaker: Any, describe_package: Any) -> FakeLedger:
    """Versions 2, 3 and 4 in prod one after the other, as the handler enters them."""
    for version in (2, 3, 4):
        package = sagemaker.add(describe_package(version))
        enter_release.handler({"promotion": promoted(package, f"2026-11-2{version}")}, None)
    return ledger


def find(rejected: int, serving: int | None, **more: Any) -> dict[str, Any]:
    state = {
        "purpose": "roll back",
        "model": "tags",
        "model_package_arn": f"{GROUP}/{rejected}",
        "rejected": f"{GROUP}/{rejected}",
        "serving": {"model_package": serving and f"{GROUP}/{serving}"},
        **more,
    }
    return find_release.handler({"promotion": state}, None)


def reject(sagemaker: Any, *versions: int) -> None:
    for version in versions:
        sagemaker.packages[f"{GROUP}/{version}"]["ModelApprovalStatus"] = "Rejected"


def test_a_release_is_entered_once_with_what_a_way_back_needs(released: FakeLedger, sagemaker: Any) -> None:
    again = promoted(sagemaker.packages[f"{GROUP}/4"], "2026-11-24")
    assert enter_release.handler({"promotion": again}, None) == {"promoted_at": "2026-11-24"}
    assert len(released.items) == 3
    assert released.items["2026-11-24"] == {
        "model": "tags",
        "promoted_at": "2026-11-24",
        "package": f"{GROUP}/4",
        "version": 4,
        "config": f"config of {GROUP}/4",
        "record": "s3://b/2026-11-24.json",
        "record_sha256": "abc",
        "purpose": "promote",
        "approved_at": "approved 2026-11-24",
        "approved_by": "arn:approver",
        "digest": digest(sagemaker.packages[f"{GROUP}/4"]),
    }


def test_the_newest_release_that_is_still_approved_is_gone_back_to(
    released: FakeLedger, sagemaker: Any
) -> None:
    reject(sagemaker, 4, 3)
    found = find(4, serving=4)
    assert (found["todo"], found["model_package_arn"]) == ("prod", f"{GROUP}/2")
    assert found["approved_at"] == "approved 2026-11-22", "its own approval, not the rejection"
    assert found["rejected"] == f"{GROUP}/4"


@pytest.mark.parametrize("serving", [None, 4])
def test_what_prod_does_not_serve_is_not_rolled_back(
    released: FakeLedger, sagemaker: Any, serving: int | None
) -> None:
    reject(sagemaker, 3)
    assert find(3, serving=serving)["todo"] == "nothing"


def test_what_has_been_approved_again_is_not_rolled_back(released: FakeLedger) -> None:
    assert find(4, serving=4)["todo"] == "nothing"


def test_a_release_that_was_changed_or_deleted_since_is_passed_over(
    released: FakeLedger, sagemaker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reject(sagemaker, 4)
    sagemaker.packages[f"{GROUP}/3"]["CustomerMetadataProperties"]["code"] = "s3://another"
    assert find(4, serving=4)["model_package_arn"] == f"{GROUP}/2"
    describe = sagemaker.describe_model_package

    def without_2(*, ModelPackageName: str) -> Any:  # noqa: N803
        if ModelPackageName.endswith("/2"):
            error = {
                "Code": "ValidationException",
                "Message": f"ModelPackage {ModelPackageName} does not exist.",
            }
            raise ClientError({"Error": error}, "DescribeModelPackage")
        return describe(ModelPackageName=ModelPackageName)

    monkeypatch.setattr(sagemaker, "describe_model_package", without_2)
    with pytest.raises(NothingToGoBackTo) as problem:
        find(4, serving=4)
    assert "/4 is Rejected" in str(problem.value)
    assert "/3 was changed after its approval" in str(problem.value)
    assert "/2 was deleted" in str(problem.value)


def test_with_no_release_before_there_is_nothing_to_go_back_to(ledger: FakeLedger, sagemaker: Any) -> None:
    sagemaker.packages[f"{GROUP}/2"] = {"ModelPackageArn": f"{GROUP}/2", "ModelApprovalStatus": "Rejected"}
    with pytest.raises(NothingToGoBackTo, match="nothing has been released before"):
        find(2, serving=2)


@pytest.mark.parametrize(("serving", "todo"), [(4, "staging"), (3, "prod"), (None, "prod")])
def test_after_an_execution_that_was_cut_off_the_newest_release_is_served(
    released: FakeLedger, serving: int | None, todo: str
) -> None:
    failure = {"Error": "Aborted", "Cause": "by hand"}
    found = find(9, serving=serving, purpose="recover", failure=failure)
    assert (found["todo"], found["model_package_arn"]) == (todo, f"{GROUP}/4")
    assert "failure" not in found, "what comes now has not failed"
