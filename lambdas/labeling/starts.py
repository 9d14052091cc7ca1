"""Starts of the labeling state machine by hand and by a threshold: one execution of a model at a time.

The labeling table counts the starts of each model (pk STARTS, sk <model>, `number`), and an execution has the
next number in its name. Two who start at the same moment read the same number, and a name can be run only
once; who reads the next one sees the execution that has the number before.
"""

import json
from typing import Any

from lambdas.common.executions import execution_arn, execution_name
from lambdas.labeling import table_queries
from lambdas.labeling.transactions import update

_ATTEMPTS = 3


class AlreadyRunning(Exception):  # noqa: N818 - what the caller is told
    """Labeling of the model is under way; the message says so."""


def running(states: Any, machine: str, model: str) -> str | None:
    """The ARN of the model's execution that runs, whoever started it; None where there is none."""
    pages = states.get_paginator("list_executions").paginate(stateMachineArn=machine, statusFilter="RUNNING")
    for page in pages:
        for execution in page["executions"]:
            arn: str = execution["executionArn"]
            if json.loads(states.describe_execution(executionArn=arn)["input"]).get("model") == model:
                return arn
    return None


def start(states: Any, table: Any, machine: str, model: str) -> str:
    """Start labeling of a model; AlreadyRunning where it runs. The ARN of the execution.

    A start that was cut off before it was counted leaves a name that is taken: the next number is tried.
    """
    for _ in range(_ATTEMPTS):
        number = _counted(table, model) + 1  # before looking: whoever counts has started already
        if running(states, machine, model):
            raise AlreadyRunning(f"labeling of {model} runs already")
        name = execution_name(model, f"{model} {number}")
        try:
            states.start_execution(stateMachineArn=machine, name=name, input=json.dumps({"model": model}))
        except states.exceptions.ExecutionAlreadyExists:
            if _runs(states, execution_arn(machine, name)):
                raise AlreadyRunning(f"labeling of {model} has just been started") from None
            _count(table, model, number)
        else:
            _count(table, model, number)
            return execution_arn(machine, name)
    raise AlreadyRunning(f"labeling of {model} is being started by others")


def _runs(states: Any, execution: str) -> bool:
    """Whether an execution that was started runs; one that does not show yet does."""
    try:
        return bool(states.describe_execution(executionArn=execution)["status"] == "RUNNING")
    except states.exceptions.ExecutionDoesNotExist:
        return True


def _counted(table: Any, model: str) -> int:
    found = table_queries.item(table, _key(model))
    return 0 if found is None else int(found["number"])


def _count(table: Any, model: str, number: int) -> None:
    update(
        table,
        _key(model),
        "SET #number = :number",
        ConditionExpression="attribute_not_exists(pk) OR #number < :number",
        ExpressionAttributeNames={"#number": "number"},
        ExpressionAttributeValues={":number": number},
    )


def _key(model: str) -> dict[str, str]:
    return {"pk": "STARTS", "sk": model}
