"""One execution of a model at a time, whoever starts it and however often."""

import json
from typing import Any

import pytest

from lambdas.labeling import starts

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:labeling"


class MissingError(Exception):
    pass


class TakenError(Exception):
    pass


class States:
    """Runs a name once; `shown` says whether lists show what has just been started."""

    class exceptions:  # noqa: N801 - as boto3 names it
        ExecutionAlreadyExists = TakenError
        ExecutionDoesNotExist = MissingError

    def __init__(self) -> None:
        self.executions: dict[str, dict[str, str]] = {}
        self.shown = True

    def get_paginator(self, _: str) -> "States":
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        running = [arn for arn, one in self.executions.items() if one["status"] == "RUNNING" and self.shown]
        return [{"executions": [{"executionArn": arn} for arn in running]}]

    def describe_execution(self, *, executionArn: str) -> dict[str, str]:  # noqa: N803
        if executionArn not in self.executions:
            raise MissingError
        return self.executions[executionArn]

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> None:  # noqa: N803
        arn = f"{stateMachineArn.replace(':stateMachine:', ':execution:')}:{name}"
        if arn in self.executions:
            raise TakenError
        self.executions[arn] = {"status": "RUNNING", "input": input}

    def end_all(self) -> None:
        for one in self.executions.values():
            one["status"] = "SUCCEEDED"


class Table:
    """Counts as DynamoDB does; `forgets` the next count, as a function does that dies."""

    name = "table"

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.meta = self
        self.client = self
        self.exceptions = type("E", (), {"ConditionalCheckFailedException": KeyError,
                                         "TransactionConflictException": TimeoutError})  # fmt: skip
        self.forgets = False

    def get_item(self, *, Key: dict[str, str], **_: Any) -> dict[str, Any]:  # noqa: N803
        found = self.items.get(Key["sk"])
        return {} if found is None else {"Item": found}

    def update_item(self, *, Key: dict[str, str], **given: Any) -> dict[str, Any]:  # noqa: N803
        number = given["ExpressionAttributeValues"][":number"]
        if not self.forgets:
            self.items[Key["sk"]] = {"number": max(number, self.items.get(Key["sk"], {}).get("number", 0))}
        self.forgets = False
        return {"Attributes": {}}


def test_a_model_is_started_once_and_another_model_beside_it() -> None:
    states, table = States(), Table()
    first = starts.start(states, table, MACHINE, "tags")
    assert json.loads(states.executions[first]["input"]) == {"model": "tags"}
    with pytest.raises(starts.AlreadyRunning, match="labeling of tags runs already"):
        starts.start(states, table, MACHINE, "tags")
    starts.start(states, table, MACHINE, "pcb")
    states.end_all()
    assert starts.start(states, table, MACHINE, "tags") != first
    assert len(states.executions) == 3


def test_one_that_was_started_by_the_pipeline_counts_too() -> None:
    states = States()
    states.start_execution(stateMachineArn=MACHINE, name="by-the-pipeline", input='{"model": "tags"}')
    with pytest.raises(starts.AlreadyRunning):
        starts.start(states, Table(), MACHINE, "tags")


def test_two_at_the_same_moment_start_one() -> None:
    states, table = States(), Table()
    states.shown = False  # neither sees the other's in a list
    table.forgets = True  # nor is the first one's counted yet
    starts.start(states, table, MACHINE, "tags")
    with pytest.raises(starts.AlreadyRunning, match="just been started"):
        starts.start(states, table, MACHINE, "tags")
    assert len(states.executions) == 1


def test_a_start_that_was_never_counted_blocks_nothing() -> None:
    states, table = States(), Table()
    table.forgets = True
    first = starts.start(states, table, MACHINE, "tags")
    states.end_all()
    assert starts.start(states, table, MACHINE, "tags") != first
    assert len(states.executions) == 2
