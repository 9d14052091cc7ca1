"""Turns in a real conditional table, records in a real conditional bucket."""

from collections.abc import Iterator
from typing import Any

import pytest

from lambdas.common.objects import keep_record, read_json
from lambdas.common.turns import (
    MINE,
    SUPERSEDED,
    WAIT,
    IsRunning,
    Lease,
    Ticket,
    TurnLost,
    give_back,
    join,
    require,
)
from lambdas.common.turns import take as take_turn
from local.cloud.server import LocalCloud

FIRST = Ticket("promotion of tags", "2026-11-21T10:00:00.001Z", "arn:first")
SECOND = Ticket("promotion of tags", "2026-11-21T10:00:00.002Z", "arn:second")
THIRD = Ticket("promotion of tags", "2026-11-21T10:00:00.003Z", "arn:third")


LEASE = Lease(seconds=60, call_seconds=30)


def running(*executions: str) -> IsRunning:
    return lambda execution, _since, _ended_less_than: execution in executions


def take(table: Any, ticket: Ticket, is_running: IsRunning, lease: Lease = LEASE) -> str:
    return take_turn(table, ticket, is_running, lease)


EVERYBODY = running("arn:first", "arn:second", "arn:third")


@pytest.fixture
def table(cloud: LocalCloud) -> Iterator[Any]:
    dynamodb = cloud.root_session().resource("dynamodb")
    made = dynamodb.create_table(
        TableName="turns",
        KeySchema=[
            {"AttributeName": "line", "KeyType": "HASH"},
            {"AttributeName": "entry", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "line", "AttributeType": "S"},
            {"AttributeName": "entry", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    made.wait_until_exists()
    yield made
    made.delete()


def test_turns_go_by_the_time_of_the_approval_and_not_of_the_asking(table: Any) -> None:
    assert take(table, FIRST, EVERYBODY) == MINE
    assert take(table, THIRD, EVERYBODY) == WAIT
    assert take(table, SECOND, EVERYBODY) == WAIT
    give_back(table, FIRST)
    assert take(table, THIRD, EVERYBODY) == WAIT, "the second is first in line"
    assert take(table, SECOND, EVERYBODY) == MINE
    give_back(table, SECOND)
    assert take(table, THIRD, EVERYBODY) == MINE


def test_who_stands_in_line_goes_before_one_who_asks_sooner(table: Any) -> None:
    join(table, FIRST)
    assert take(table, SECOND, EVERYBODY) == WAIT
    assert take(table, FIRST, EVERYBODY) == MINE


def test_a_turn_that_is_asked_for_twice_is_still_ones_own(table: Any) -> None:
    assert take(table, FIRST, EVERYBODY) == MINE
    assert take(table, FIRST, EVERYBODY) == MINE


def test_what_was_approved_earlier_does_not_follow_what_was_approved_later(table: Any) -> None:
    assert take(table, SECOND, EVERYBODY) == MINE
    give_back(table, SECOND)
    assert take(table, FIRST, EVERYBODY) == SUPERSEDED


def test_a_killed_holder_and_a_killed_waiter_block_nobody(table: Any) -> None:
    assert take(table, FIRST, EVERYBODY) == MINE
    assert take(table, SECOND, EVERYBODY) == WAIT
    assert take(table, THIRD, running("arn:third")) == MINE


def test_a_killed_holder_keeps_its_turn_for_as_long_as_its_last_call_may_take(table: Any) -> None:
    assert take(table, FIRST, EVERYBODY) == MINE
    killed_just_now: IsRunning = lambda execution, _since, ended_less_than: (  # noqa: E731
        execution == SECOND.execution or ended_less_than == LEASE.call_seconds
    )
    assert take(table, SECOND, killed_just_now) == WAIT
    assert take(table, SECOND, running("arn:second")) == MINE


def test_who_has_lost_its_turn_changes_nothing_any_more(table: Any) -> None:
    with pytest.raises(TurnLost, match="that of nobody, not of arn:first"):
        require(table, FIRST.line, FIRST.execution)
    assert take(table, FIRST, EVERYBODY) == MINE
    require(table, FIRST.line, FIRST.execution)
    assert take(table, SECOND, running("arn:second")) == MINE
    with pytest.raises(TurnLost, match="that of arn:second, not of arn:first"):
        require(table, FIRST.line, FIRST.execution)


def test_a_turn_ends_when_its_time_is_over_even_if_its_holder_is_said_to_run(table: Any) -> None:
    over = Lease(seconds=-60, call_seconds=30)
    assert take(table, FIRST, EVERYBODY, over) == MINE
    with pytest.raises(TurnLost, match="longer than it may"):
        require(table, FIRST.line, FIRST.execution)
    assert take(table, SECOND, EVERYBODY, over) == MINE


def test_who_may_be_late_takes_its_turn_and_makes_nobody_late(table: Any) -> None:
    assert take(table, SECOND, EVERYBODY) == MINE
    give_back(table, SECOND)
    late = Ticket(FIRST.line, FIRST.order, FIRST.execution, ordered=False)
    assert take(table, late, EVERYBODY) == MINE
    give_back(table, late)
    future = Ticket(FIRST.line, "2027-01-01T00:00:00.000Z", "arn:future", ordered=False)
    assert take(table, future, EVERYBODY) == MINE
    give_back(table, future)
    assert take(table, THIRD, EVERYBODY) == MINE


def test_one_that_became_late_between_looking_and_taking_does_not_go(table: Any) -> None:
    """Another with a later order comes and goes while this one finds out who runs."""

    def meanwhile(execution: str, _since: int, _ended_less_than: int) -> bool:
        if execution == "arn:dead":
            assert take_turn(table, THIRD, running("arn:third"), LEASE) == MINE
            give_back(table, THIRD)
        return False

    join(table, Ticket(FIRST.line, "2026-11-21T10:00:00.000Z", "arn:dead"))
    assert take(table, FIRST, meanwhile) == WAIT
    assert take(table, FIRST, EVERYBODY) == SUPERSEDED


def test_only_the_holder_gives_the_turn_back(table: Any) -> None:
    assert take(table, FIRST, EVERYBODY) == MINE
    give_back(table, SECOND)
    assert take(table, SECOND, EVERYBODY) == WAIT


def test_lines_of_other_models_are_their_own(table: Any) -> None:
    assert take(table, FIRST, EVERYBODY) == MINE
    other = Ticket("promotion of plants", SECOND.order, SECOND.execution)
    assert take(table, other, EVERYBODY) == MINE


def test_a_record_is_written_once_and_another_executions_beside_it(cloud: LocalCloud) -> None:
    s3 = cloud.root_session().client("s3")
    s3.create_bucket(Bucket="records", CreateBucketConfiguration={"LocationConstraint": cloud.region})

    def keep(execution: str, outcome: str) -> str:
        record = {"execution": execution, "outcome": outcome}
        return keep_record(s3, bucket="records", folder="releases/tags/2", name="release", record=record)

    assert keep("a", "StagingTestFailed") == "s3://records/releases/tags/2/release.json"
    assert keep("a", "changed by a second attempt") == "s3://records/releases/tags/2/release.json"
    assert keep("b", "promoted") == "s3://records/releases/tags/2/release-b.json"
    assert keep("b", "promoted") == "s3://records/releases/tags/2/release-b.json"
    assert read_json(s3, "s3://records/releases/tags/2/release.json")["outcome"] == "StagingTestFailed"
