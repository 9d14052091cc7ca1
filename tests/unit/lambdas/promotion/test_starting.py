"""What starts the promotion's state machine: an approval, a rejection, an execution that was cut off."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from fake_states import FakeStates

from lambdas.common.packages import digest
from lambdas.promotion import start_promotion, start_recovery, start_rollback
from lambdas.promotion.decisions import decision

EVENT = json.loads((Path(__file__).parents[3] / "fixtures/events/model_package_approved.json").read_text())
ARN = EVENT["detail"]["ModelPackageArn"]
APPROVER = "arn:aws:iam::123456789012:user/approver"
MODELS = {"tags": {"group": "edgeline-tags"}}
PAGE_ROLE = "edgeline-labeling-serve-packages"
NOT_STARTED = {"execution": None, "started": False}


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch, turns: Any, sagemaker: Any, describe_package: Any) -> FakeStates:
    sagemaker.add(describe_package(2))
    fake = FakeStates()
    clients = {"sagemaker": sagemaker, "stepfunctions": fake}
    monkeypatch.setattr(boto3, "client", lambda service: clients[service])
    monkeypatch.setenv("STATE_MACHINE_ARN", "arn:stateMachine:promotion")
    monkeypatch.setenv("MODELS", json.dumps(MODELS))
    monkeypatch.setenv("PAGE_ROLE", PAGE_ROLE)
    return fake


def with_detail(**changes: Any) -> dict[str, Any]:
    return {**EVENT, "detail": {**EVENT["detail"], **changes}}


REJECTED = with_detail(ModelApprovalStatus="Rejected")


def test_an_approval_starts_the_promotion_of_its_own_package_once(
    states: FakeStates, turns: Any, sagemaker: Any, describe_package: Any
) -> None:
    sagemaker.add(describe_package(3))
    first, second = start_promotion.handler(EVENT, None), start_promotion.handler(EVENT, None)
    assert (first["started"], second["started"]) == (True, False)
    assert list(states.started.values()) == [
        {
            "purpose": "promote",
            "model": "tags",
            "model_package_arn": ARN,
            "event_id": EVENT["id"],
            "approved_at": "2026-11-21T17:00:14.123Z",
            "approved_by": APPROVER,
            "digest": digest(describe_package(2)),
            "turn": ORDERED,
        }
    ]
    (name,) = states.started
    assert {entry["execution"] for entry in turns.joined} == {f"arn:execution:promotion:{name}"}


def test_a_second_approval_of_the_same_package_is_another_promotion(states: FakeStates) -> None:
    start_promotion.handler(EVENT, None)
    start_promotion.handler({**EVENT, "id": "another"}, None)
    assert len(states.started) == 2


@pytest.mark.parametrize("start", [start_promotion, start_rollback])
@pytest.mark.parametrize("status", ["Approved", "Rejected"])
def test_a_later_change_to_a_package_that_was_decided_on_starts_nothing(
    states: FakeStates, start: Any, status: str
) -> None:
    event = with_detail(ModelApprovalStatus=status, UpdatedModelPackageFields=["ModelLifeCycle"])
    assert start.handler(event, None) == NOT_STARTED


def test_our_own_mark_is_no_approval_even_where_the_event_does_not_say_what_has_changed(
    states: FakeStates, sagemaker: Any, describe_package: Any
) -> None:
    silent = with_detail(UpdatedModelPackageFields=[])
    sagemaker.add(describe_package(2) | {"ModelLifeCycle": {"Stage": "Staging"}})
    assert start_promotion.handler(silent, None) == NOT_STARTED
    sagemaker.add(describe_package(2))
    assert start_promotion.handler(silent, None)["started"], "registered as approved"


def test_each_decision_starts_what_it_is_for_only(states: FakeStates) -> None:
    assert start_promotion.handler(REJECTED, None) == NOT_STARTED
    assert start_rollback.handler(EVENT, None) == NOT_STARTED


def test_a_rejection_starts_the_roll_back_of_its_own_package_and_makes_nobody_late(
    states: FakeStates,
) -> None:
    started = start_rollback.handler(REJECTED, None)
    assert started["execution"].startswith("rollback-edgeline-tags-2-")
    (document,) = states.started.values()
    assert (document["purpose"], document["rejected"], document["rejected_by"]) == (
        "roll back", ARN, APPROVER,
    )  # fmt: skip
    assert document["turn"]["ordered"] is False


def package(modified: datetime | None) -> dict[str, Any]:
    return {"LastModifiedTime": modified, "LastModifiedBy": {"IamIdentity": {"Arn": APPROVER}}}


def described_by(arn: str, text: str) -> dict[str, Any]:
    by = {"IamIdentity": {"Arn": arn}}
    moment = datetime(2026, 11, 21, 17, 0, 14, 999_000, tzinfo=UTC)
    return {"LastModifiedTime": moment, "LastModifiedBy": by, "ApprovalDescription": text}


PAGE = f"arn:aws:sts::123456789012:assumed-role/{PAGE_ROLE}/function"


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("ada: looked at every mistake: fine", "ada"),
        ("ada@example.com: 9 of 10", "ada@example.com"),
        ("a:: b", "a:"),
        ("no name here", PAGE),
        ("ada:without a space", PAGE),
        ("arn:aws:iam::123456789012:user/boss: because", PAGE),
        ("", PAGE),
    ],
)
def test_the_page_says_which_person_decided(text: str, who: str) -> None:
    assert decision(EVENT, described_by(PAGE, text), page_role=PAGE_ROLE).by == who


@pytest.mark.parametrize(
    "arn",
    [
        APPROVER,
        f"arn:aws:iam::123456789012:user/{PAGE_ROLE}/mallory",
        f"arn:aws:sts::123456789012:assumed-role/{PAGE_ROLE}-2/function",
        f"arn:aws:sts::123456789012:assumed-role/Other/{PAGE_ROLE}/function",
        f"arn:aws:sts::999999999999:assumed-role/{PAGE_ROLE}/function",
        f"arn:aws-cn:sts::123456789012:assumed-role/{PAGE_ROLE}/function",
    ],
)
def test_nobody_else_is_believed_who_the_person_was(arn: str) -> None:
    assert decision(EVENT, described_by(arn, "ada: fine"), page_role=PAGE_ROLE).by == arn


def test_what_was_written_after_the_decision_names_nobody() -> None:
    later = described_by(PAGE, "ada: fine") | {"LastModifiedTime": datetime(2026, 11, 21, 17, 1, tzinfo=UTC)}
    assert decision(EVENT, later, page_role=PAGE_ROLE).by == ""


def test_the_person_of_the_page_reaches_the_promotion_and_the_roll_back(
    states: FakeStates, sagemaker: Any, describe_package: Any
) -> None:
    sagemaker.add(describe_package(2) | described_by(PAGE, "ada: fine"))
    promoted = start_promotion.handler(EVENT, None)["execution"]
    rejected = start_rollback.handler(REJECTED, None)["execution"]
    assert states.started[promoted]["approved_by"] == "ada"
    assert states.started[rejected]["rejected_by"] == "ada"


def test_who_has_changed_the_package_since_is_not_who_approved_it() -> None:
    at_once = decision(
        EVENT, package(datetime(2026, 11, 21, 17, 0, 14, 999_000, tzinfo=UTC)), page_role=PAGE_ROLE
    )
    assert (at_once.by, at_once.at) == (APPROVER, "2026-11-21T17:00:14.999Z")
    later = decision(EVENT, package(datetime(2026, 11, 21, 17, 0, 15, tzinfo=UTC)), page_role=PAGE_ROLE)
    assert (later.by, later.at) == ("", "2026-11-21T17:00:14.000Z")


def test_decisions_without_a_registry_time_are_ordered_by_their_event() -> None:
    found = decision(EVENT, package(None), page_role=PAGE_ROLE)
    assert (found.by, found.at) == ("", "2026-11-21T17:00:14.000Z")


def test_the_time_of_the_change_goes_before_that_of_its_event() -> None:
    event = with_detail(LastModifiedTime="2026-11-21T17:00:12Z")
    assert decision(event, package(None), page_role=PAGE_ROLE).at == "2026-11-21T17:00:12.000Z"


ORDERED = {"line": "promotion of tags", "order": "2026-11-21T17:00:14.123Z", "ordered": True}


def ended(status: str, **more: Any) -> dict[str, Any]:
    before = {
        "purpose": "promote",
        "model": "tags",
        "model_package_arn": ARN,
        "approved_at": "2026-11-21T17:00:14.123Z",
        "approved_by": APPROVER,
        "digest": "d",
        "event_id": "of the approval",
        "turn": {"line": "promotion of tags", "order": "2026-11-21T17:00:14.123Z", "ordered": True},
    }
    detail = {"name": "edgeline-tags-2-0123", "status": status, "startDate": 1795280415000, **more}
    return {"id": "of the end", "detail": {**detail, "input": json.dumps(before)}}


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (ended("ABORTED", cause="by hand"), "Aborted"),
        (ended("TIMED_OUT"), "TimedOut"),
        (ended("FAILED", error="States.Runtime", cause="no such path"), "States.Runtime"),
    ],
)
def test_what_an_execution_left_that_was_cut_off_is_mended_in_its_place(
    states: FakeStates, event: dict[str, Any], error: str
) -> None:
    started = start_recovery.handler(event, None)
    document = states.started[started["execution"]]
    assert (document["purpose"], document["failure"]["Error"]) == ("recover", error)
    assert document["cut_off"]["execution"] == "edgeline-tags-2-0123"
    assert document["turn"] == {
        "line": "promotion of tags", "order": "2026-11-21T17:00:14.123Z", "ordered": False,
    }  # fmt: skip
    assert start_recovery.handler(event, None)["started"] is False


def test_a_recovery_that_is_cut_off_is_recovered_but_not_without_end(states: FakeStates) -> None:
    event = ended("ABORTED")
    for attempt in range(1, 4):
        started = start_recovery.handler(event, None)["execution"]
        assert states.started[started]["attempt"] == attempt
        given = {**states.started[started], "turn": ORDERED}
        event = {"id": f"end {attempt}", "detail": {**event["detail"], "input": json.dumps(given)}}
    with pytest.raises(start_recovery.RecoveryGivenUp, match="cut off after 3 recoveries of tags"):
        start_recovery.handler(event, None)


@pytest.mark.parametrize("event", [ended("FAILED", error="StagingTestFailed"), ended("SUCCEEDED")])
def test_an_execution_that_came_to_its_own_end_needs_no_mending(states: FakeStates, event: Any) -> None:
    assert start_recovery.handler(event, None) == NOT_STARTED


def test_a_member_of_a_tree_stands_in_the_line_of_its_tree_and_nobody_there_is_late(
    states: FakeStates, turns: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = {"parent": "metal", "children": ["tags"]}
    monkeypatch.setenv("MODELS", json.dumps({"tags": {**MODELS["tags"], "tree": tree}}))
    monkeypatch.setenv("TREE_STATE_MACHINE_ARN", "arn:stateMachine:trees")
    started = start_promotion.handler(EVENT, None)
    assert started["started"] is True
    (document,) = states.started.values()
    assert document["turn"] == {**ORDERED, "line": "promotion of tree metal", "ordered": False}
    (entry,) = turns.joined
    assert entry["execution"] == f"arn:execution:trees:{started['execution']}"


def test_a_release_of_a_tree_that_lost_its_way_is_recovered() -> None:
    assert start_recovery.cut_off({"status": "FAILED", "error": "ReleaseLost"}) == "ReleaseLost"
    assert start_recovery.cut_off({"status": "FAILED", "error": "StagingTestFailed"}) is None
