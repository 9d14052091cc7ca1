import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.labeling import serve_packages
from lambdas.labeling.callers import Caller
from lambdas.labeling.model_packages import ModelPackages, checked_note
from lambdas.labeling.proxied import answer

GROUP = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/edgeline-tags"
ADA = Caller("ada", frozenset({"approvers"}))


def refusal(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Call")


class FakeRegistry:
    """Packages by ARN; `meanwhile` is what somebody else does to a package while it is updated."""

    def __init__(self) -> None:
        self.packages: dict[str, dict[str, Any]] = {}
        self.updates: list[dict[str, Any]] = []
        self.meanwhile: dict[str, Any] = {}
        self.conflicts = False

    def add(self, version: int, status: str = "PendingManualApproval", **more: Any) -> str:
        arn = f"{GROUP}/{version}"
        self.packages[arn] = {
            "ModelPackageArn": arn,
            "ModelApprovalStatus": status,
            "CreationTime": datetime(2026, 11, 21, 8, version, tzinfo=UTC),
            "CustomerMetadataProperties": {
                "evaluation": f"s3://artifacts/runs/tags/{version}/evaluation/evaluation.json"
            },
            **more,
        }
        return arn

    def list_model_packages(
        self, *, ModelPackageGroupName: str, ModelApprovalStatus: str, MaxResults: int, **_: Any  # noqa: N803
    ) -> dict[str, Any]:  # fmt: skip
        assert ModelPackageGroupName == "edgeline-tags"
        newest = [p for p in self.packages.values() if p["ModelApprovalStatus"] == ModelApprovalStatus][::-1]
        return {"ModelPackageSummaryList": newest[:MaxResults]}

    def describe_model_package(self, *, ModelPackageName: str) -> dict[str, Any]:  # noqa: N803
        if ModelPackageName not in self.packages:
            raise refusal("ValidationException", f"ModelPackage {ModelPackageName} does not exist.")
        return dict(self.packages[ModelPackageName])

    def update_model_package(self, *, ModelPackageArn: str, **changes: Any) -> None:  # noqa: N803
        self.updates.append(changes)
        if not self.conflicts:
            self.packages[ModelPackageArn] |= changes
        self.packages[ModelPackageArn] |= self.meanwhile
        if self.conflicts:
            raise refusal("ConflictException")


class FakeS3:
    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, int]] = {}

    def list_objects_v2(self, *, Bucket: str, Prefix: str) -> dict[str, Any]:  # noqa: N803
        found = [
            {"Key": key, "LastModified": datetime(2026, 11, 21, 9, minute, tzinfo=UTC)}
            for key, (_, minute) in self.objects.items()
            if key.startswith(Prefix)
        ]
        return {"Contents": found} if found else {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if Key not in self.objects:
            raise refusal("NoSuchKey")
        return {"Body": io.BytesIO(self.objects[Key][0])}

    def generate_presigned_url(self, operation: str, *, Params: dict[str, str], ExpiresIn: int) -> str:  # noqa: N803
        return f"https://{Params['Bucket']}/{Params['Key']}?{operation}&{ExpiresIn}"


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def s3() -> FakeS3:
    return FakeS3()


@pytest.fixture
def packages(registry: FakeRegistry, s3: FakeS3) -> ModelPackages:
    return ModelPackages({"tags": "edgeline-tags"}, "artifacts", registry, s3)


def post(packages: ModelPackages, caller: Caller = ADA, **body: Any) -> tuple[int, dict[str, Any]]:
    event = {"httpMethod": "POST", "resource": "/packages/decision", "body": json.dumps(body)}
    found = answer(lambda: serve_packages.route(event, packages, caller))
    return found["statusCode"], json.loads(found["body"])


def test_what_waits_comes_first_with_its_numbers_and_its_page(
    packages: ModelPackages, registry: FakeRegistry, s3: FakeS3
) -> None:
    registry.add(1, "Approved", ApprovalDescription="ada: good", ModelLifeCycle={"Stage": "Production"})
    registry.add(2)
    registry.add(3, "Rejected")
    s3.objects = {
        "runs/tags/2/evaluation/evaluation.json": (b'{"map50": 0.9, "map50_95": null, "x": 1}', 0),
        "releases/tags/2/approval.html": (b"", 1),
        "releases/tags/2/approval-again.html": (b"", 5),
        "releases/tags/2/approval.json": (b"", 9),
        "releases/tags/22/approval.html": (b"", 9),
    }
    first, *others = packages.listed()
    assert (first["version"], first["status"], first["created_at"]) == (
        2, "PendingManualApproval", "2026-11-21T08:02:00+00:00",
    )  # fmt: skip
    assert first["metrics"] == {"map50": 0.9}
    assert first["report_url"] == "https://artifacts/releases/tags/2/approval-again.html?get_object&600"
    assert [(other["version"], other["report_url"]) for other in others] == [(3, None), (1, None)]
    assert (others[1]["remark"], others[1]["stage"]["name"], others[1]["metrics"]) == (
        "ada: good", "Production", {},
    )  # fmt: skip


def test_an_evaluation_elsewhere_is_not_read(packages: ModelPackages, registry: FakeRegistry) -> None:
    elsewhere = {"evaluation": "s3://theirs/evaluation.json"}
    registry.add(1, CustomerMetadataProperties=elsewhere)
    registry.add(2, CustomerMetadataProperties={})
    assert [package["metrics"] for package in packages.listed()] == [{}, {}]


@pytest.mark.parametrize(("decision", "status"), [("approve", "Approved"), ("reject", "Rejected")])
def test_a_decision_names_who_made_it_and_why(
    packages: ModelPackages, registry: FakeRegistry, decision: str, status: str
) -> None:
    arn = registry.add(2)
    note = " looked at\nevery\tmistake \u200b\x07 "
    assert post(packages, arn=arn, decision=decision, note=note) == (200, {"accepted": True})
    assert registry.updates == [
        {"ModelApprovalStatus": status, "ApprovalDescription": "ada: looked at every mistake"}
    ]


def test_a_decision_that_is_sent_twice_is_made_once(packages: ModelPackages, registry: FakeRegistry) -> None:
    arn = registry.add(2)
    for _ in range(2):
        assert post(packages, arn=arn, decision="approve", note="good")[0] == 200
    assert len(registry.updates) == 1


@pytest.mark.parametrize(
    ("caller", "decision", "note"),
    [(ADA, "reject", "good"), (ADA, "approve", "other"), (Caller("bob", ADA.groups), "approve", "good")],
)
def test_what_waits_no_longer_is_not_decided_on(
    packages: ModelPackages, registry: FakeRegistry, caller: Caller, decision: str, note: str
) -> None:
    arn = registry.add(2, "Approved", ApprovalDescription="ada: good")
    status, body = post(packages, caller, arn=arn, decision=decision, note=note)
    assert status == 409
    assert body["message"] == "this version waits no longer: it is Approved (ada: good)"
    assert registry.updates == []


@pytest.mark.parametrize("conflicts", [True, False])
def test_who_is_overruled_at_the_same_moment_is_told(
    packages: ModelPackages, registry: FakeRegistry, conflicts: bool
) -> None:
    arn = registry.add(2)
    registry.conflicts = conflicts
    registry.meanwhile = {"ModelApprovalStatus": "Rejected", "ApprovalDescription": "bob: no"}
    status, body = post(packages, arn=arn, decision="approve", note="good")
    assert (status, body["message"]) == (409, "this version waits no longer: it is Rejected (bob: no)")


@pytest.mark.parametrize(
    "arn", ["", "x", f"{GROUP}/9", GROUP.replace("edgeline-tags", "other") + "/2", f"{GROUP}/latest"]
)
def test_what_is_no_package_of_this_line_is_not_found(packages: ModelPackages, arn: str) -> None:
    assert post(packages, arn=arn, decision="approve", note="good")[0] == 404


@pytest.mark.parametrize(
    "body",
    [{}, {"decision": "Approved"}, {"decision": ["approve"]}, {"decision": "approve", "arn": 7},
     {"decision": "approve", "arn": "x", "note": " \u200b"}, {"decision": "approve", "arn": "x", "note": 7},
     {"decision": "approve", "arn": "x", "note": "n" * 501}, {"decision": "approve", "who": "bob"}],
)  # fmt: skip
def test_half_a_decision_is_none(packages: ModelPackages, registry: FakeRegistry, body: Any) -> None:
    assert post(packages, **body)[0] == 400
    assert registry.updates == []


@pytest.mark.parametrize("name", ["arn:aws:iam::1:user/boss", "ada b", "ada\u2003b"])
def test_a_name_that_would_pass_for_something_else_decides_nothing(
    packages: ModelPackages, registry: FakeRegistry, name: str
) -> None:
    arn = registry.add(2)
    assert post(packages, Caller(name, ADA.groups), arn=arn, decision="approve", note="good")[0] == 403
    assert registry.updates == []


def test_the_longest_note_and_name_fit_into_the_registry() -> None:
    assert len(f"{'w' * 128}: {checked_note('n' * 500)}") <= 1024


@pytest.mark.parametrize("groups", ["", "annotators,supervisors"])
def test_who_is_no_approver_is_refused_before_anything_is_read(groups: str) -> None:
    claims = {"cognito:username": "ann", "cognito:groups": groups}
    event = {
        "httpMethod": "GET",
        "resource": "/packages",
        "requestContext": {"authorizer": {"claims": claims}},
    }
    assert serve_packages.handler(event, None)["statusCode"] == 403


def test_who_is_not_signed_in_is_refused() -> None:
    event = {"httpMethod": "GET", "resource": "/packages", "requestContext": {}}
    assert serve_packages.handler(event, None)["statusCode"] == 401


def test_other_paths_lead_nowhere(packages: ModelPackages) -> None:
    event = {"httpMethod": "GET", "resource": "/packages/decision"}
    assert answer(lambda: serve_packages.route(event, packages, ADA))["statusCode"] == 404
