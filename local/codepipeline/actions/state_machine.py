"""The invoke action StepFunctions."""

from __future__ import annotations

from typing import Any

from local.codepipeline.work import ActionError, Done, Work

_LONGEST_SECONDS = 7 * 24 * 3600


class StepFunctionsAction:
    """Starts an execution of the state machine and, unless that is an express one, waits for its end."""

    def run(self, work: Work) -> Done:
        """Do the action."""
        given, machines = work.configuration, work.session.client("stepfunctions")
        machine, prefix = given["StateMachineArn"], given.get("ExecutionNamePrefix")
        kind = machines.describe_state_machine(stateMachineArn=machine).get("type", "STANDARD")
        name = f"{prefix}-{work.id}" if prefix else work.id
        started = machines.start_execution(stateMachineArn=machine, name=name, input=_input(work))
        if kind == "EXPRESS":
            return Done(variables={"StateMachineArn": machine})
        arn = started["executionArn"]
        work.report(external_id=arn)

        def ended() -> dict[str, Any] | None:
            found: dict[str, Any] = machines.describe_execution(executionArn=arn)
            return None if found["status"] == "RUNNING" else found

        found = work.until(ended, _LONGEST_SECONDS, f"The execution {arn}")
        if found["status"] != "SUCCEEDED":
            why = ": ".join(found[key] for key in ("status", "error", "cause") if found.get(key))
            raise ActionError("JobFailed", f"State machine execution {arn} ended {why}")
        return Done(variables={"StateMachineArn": machine, "ExecutionArn": arn})


def _input(work: Work) -> str:
    given = work.configuration
    if given.get("InputType") == "FilePath":
        return work.read(work.action.inputs[0], given["Input"])
    return given.get("Input", "{}")
