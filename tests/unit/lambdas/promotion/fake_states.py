"""Step Functions as the functions that start executions know it: a name is started once."""

import json
from typing import Any


class FakeStates:
    class exceptions:  # noqa: N801 - as boto3 names it
        class ExecutionAlreadyExists(Exception):  # noqa: N818
            pass

    def __init__(self) -> None:
        self.started: dict[str, Any] = {}

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> None:  # noqa: N803
        if name in self.started:
            raise self.exceptions.ExecutionAlreadyExists
        self.started[name] = json.loads(input)
