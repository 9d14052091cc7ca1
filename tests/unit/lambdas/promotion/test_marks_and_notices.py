"""What the registry and people are told of a promotion, at each point of it."""

from typing import Any

import boto3
import pytest

from lambdas.promotion import mark_package, notify
from lambdas.promotion.mark_package import marks

GROUP = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/edgeline-tags"
NEW, OLD = f"{GROUP}/3", f"{GROUP}/2"
BEGUN = {
    "purpose": "promote",
    "model": "tags",
    "model_package_arn": NEW,
    "approved_at": "2026-11-21T17:00:14.123Z",
    "approved_by": "arn:approver",
}
READ = {**BEGUN, "package": {"arn": NEW}}
TESTED = {**READ, "staging_before": {}, "staging_test": {"map50": 0.9}}
IN_PROD = {**TESTED, "prod_before": {"model_package": OLD}}
SERVING = {**IN_PROD, "prod_smoke": {"requests": 3}}
BACK = {**SERVING, "purpose": "roll back", "rejected": OLD, "rejected_by": "arn:approver"}
CUT_OFF = {"cut_off": {"execution": "killed"}, "purpose": "recover"}
RELEASED = {"release": {"uri": "s3://b/release.json"}}


def failed(state: dict[str, Any], error: str, cause: str = "why") -> dict[str, Any]:
    return {**state, "failure": {"Error": error, "Cause": f'{{"errorMessage": "{cause}"}}'}}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (READ, [(NEW, "Staging", "InProgress")]),
        (TESTED, [(NEW, "Staging", "Passed")]),
        (IN_PROD, [(NEW, "Production", "InProgress")]),
        (SERVING, [(NEW, "Production", "Serving"), (OLD, "Production", "Replaced")]),
        ({**SERVING, "prod_before": {"model_package": None}}, [(NEW, "Production", "Serving")]),
        ({**SERVING, "prod_before": {"model_package": NEW}}, [(NEW, "Production", "Serving")]),
        (BACK, [(NEW, "Production", "Serving"), (OLD, "Production", "RolledBack")]),
        ({**SERVING, **CUT_OFF}, [(NEW, "Production", "Serving"), (OLD, "Production", "Failed")]),
        (failed(READ, "EndpointFailed"), [(NEW, "Staging", "Failed")]),
        (failed(TESTED, "NoLongerApproved"), [(NEW, "Staging", "Failed")]),
        (failed(IN_PROD, "RolledBack"), [(NEW, "Production", "RolledBack"), (OLD, "Production", "Serving")]),
        (failed(SERVING, "ClientError"), [(NEW, "Production", "Failed"), (OLD, "Production", "Serving")]),
        (failed({**IN_PROD, "prod_before": {"model_package": NEW}}, "X"), [(NEW, "Production", "Serving")]),
        (failed(BEGUN, "Superseded"), []),
        (failed(BEGUN, "NothingToGoBackTo"), []),
        (
            failed({**BEGUN, **CUT_OFF, "serving": {"model_package": OLD}}, "Aborted"),
            [(NEW, "Staging", "Failed")],
        ),
        (failed({**BEGUN, **CUT_OFF, "serving": {"model_package": NEW}}, "Aborted"), []),
        (failed({**BEGUN, **CUT_OFF}, "ClientError"), []),
        (
            failed({**READ, **CUT_OFF, "serving": {"model_package": OLD}, "todo": "prod"}, "ArtifactChanged"),
            [],
        ),
        (
            failed({**IN_PROD, **CUT_OFF, "serving": {"model_package": OLD}, "todo": "prod"}, "RolledBack"),
            [(NEW, "Production", "RolledBack"), (OLD, "Production", "Serving")],
        ),
    ],
)
def test_the_life_cycle_says_at_each_point_where_the_packages_are(
    state: dict[str, Any], expected: list[tuple[str, str, str]]
) -> None:
    assert [(mark.package, mark.stage, mark.status) for mark in marks(state, "e")] == expected


def test_a_mark_is_the_life_cycle_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    class Registry:
        def update_model_package(self, **request: Any) -> None:
            asked.append(request)

    monkeypatch.setattr(boto3, "client", lambda service: {"sagemaker": Registry()}[service])
    state = failed(READ, "EndpointFailed", "no ping,\\nsee the log: " + "x" * 2000)
    told = mark_package.handler({"promotion": state, "execution": "e"}, None)
    (request,) = asked
    assert request["ModelPackageArn"] == NEW
    assert set(request) == {"ModelPackageArn", "ModelLifeCycle"}
    assert len(request["ModelLifeCycle"]["StageDescription"]) == 1024
    assert request["ModelLifeCycle"]["StageDescription"].startswith("EndpointFailed: no ping, see the log: x")
    assert [mark["status"] for mark in told["marks"]] == ["Failed"]


@pytest.mark.parametrize(
    ("state", "subject", "says"),
    [
        ({**SERVING, **RELEASED}, "tags 3 is in prod", f"It replaces {OLD}."),
        (
            {**BACK, **RELEASED},
            "tags 3 is back in prod, 2 was rejected",
            f"{OLD} was rejected by arn:approver",
        ),
        (
            failed(TESTED, "StagingTestFailed", "map50 is 0.5"),
            "tags 3 was not promoted: StagingTestFailed",
            "map50 is 0.5",
        ),
        (failed(BEGUN, "Superseded"), "tags 3 was not promoted: Superseded", "prod keeps what it serves"),
        (
            failed({**BEGUN, "purpose": "roll back"}, "NothingToGoBackTo", "prod keeps it"),
            "tags 3 is not rolled back: NothingToGoBackTo",
            "Prod keeps what it serves: approve and promote another one",
        ),
        (failed(READ, "ArtifactChanged"), "tags 3 was not promoted: ArtifactChanged", "Nothing was deployed"),
        (
            {
                **failed(IN_PROD, "RolledBack", "alarm"),
                "rollback_failure": {"Error": "X", "Cause": "no capacity"},
            },
            "tags 3: THE WAY BACK FAILED, look at prod",
            "Why it could not: no capacity",
        ),
        (
            {**SERVING, **RELEASED, "mark_failure": {"Error": "X", "Cause": "denied"}},
            "tags 3 is in prod",
            "besides: its life cycle in the registry is not up to date: denied",
        ),
        (
            {**SERVING, **RELEASED, **CUT_OFF, "todo": "prod"},
            "tags 3 was deployed in prod after",
            "It was killed.",
        ),
        ({**READ, **CUT_OFF, "todo": "staging"}, "tags 3 was found in prod after", "It was killed."),
    ],
)
def test_a_notice_says_what_happened_and_where_the_evidence_is(
    state: dict[str, Any], subject: str, says: str
) -> None:
    told, message = notify.notice(state, "the-execution")
    assert told.startswith(subject)
    assert says in message
    assert "execution: the-execution" in message
    record = "s3://b/release.json" if "release" in state else "none could be kept"
    assert f"record: {record}" in message


def test_a_subject_is_no_longer_than_a_topic_takes() -> None:
    told, _ = notify.notice(failed(READ, "E" * 200), "e")
    assert len(told) == 100


def test_a_notice_goes_to_the_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, str]] = []

    class Topic:
        def publish(self, **message: str) -> None:
            sent.append(message)

    monkeypatch.setattr(boto3, "client", lambda service: {"sns": Topic()}[service])
    monkeypatch.setenv("TOPIC_ARN", "arn:topic")
    notify.handler({"promotion": {**SERVING, **RELEASED}, "execution": "e"}, None)
    assert [(message["TopicArn"], message["Subject"]) for message in sent] == [
        ("arn:topic", "tags 3 is in prod")
    ]
