"""Closes the rounds of executions that have ended before them: nobody shall work for nothing.

In:  an event of Step Functions, of an execution that was stopped or ran out of time
Out: nothing

The event is a hint: all executions that rounds wait for are looked at. What no event told of, the next
execution finds (lambdas/labeling/find_unlabeled_images.py).
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.labeling.payloads import PATIENT
from lambdas.labeling.rounds import Rounds


@dataclass(frozen=True)
class Environment:
    """The labeling table."""

    table: str


def handler(event: dict[str, Any], context: Any) -> None:
    """Close what has nobody who waits for it."""
    del event, context
    table = boto3.resource("dynamodb", config=PATIENT).Table(environment.read(Environment).table)
    states = boto3.client("stepfunctions")
    close_rounds_of_the_dead(Rounds(table, states), running(states))


def running(states: Any) -> Callable[[str], bool]:
    """Tell whether an execution still runs, or may be taken up again; asked once an execution."""

    @functools.cache
    def is_running(execution: str) -> bool:
        try:
            status = states.describe_execution(executionArn=execution)["status"]
        except states.exceptions.ExecutionDoesNotExist:
            return False
        return status in ("RUNNING", "PENDING_REDRIVE")

    return is_running


def close_rounds_of_the_dead(rounds: Rounds, is_running: Callable[[str], bool]) -> None:
    """Withdraw the tasks of executions that no longer run."""
    for untold in rounds.untold():
        if not is_running(untold["execution"]):
            rounds.close(untold["round"])
