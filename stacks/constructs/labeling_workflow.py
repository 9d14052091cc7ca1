"""The state machine of a labeling execution: label, verify, again what was rejected, write.

In:  {"model": "tags"}
Out: lambdas/labeling/write_labels.py says what comes out.

Between the states go numbers and names only; the lists are on S3 (lambdas/labeling/payloads.py). A round
that nobody finished in time goes on as far as it came. A failure ends the execution by the name of the state
that failed; it can be redriven until the next one has taken its images, which are free from its end on.
"""

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from stacks.constructs.labeling_functions import LabelingFunctions
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.states import retry_what_passes
from stacks.constructs.workflow import Workflow

_EXECUTION = {"execution": sfn.JsonPath.string_at("$$.Execution.Id")}
_STATE = {
    **_EXECUTION,
    "model": sfn.JsonPath.string_at("$.model"),
    "classes": sfn.JsonPath.list_at("$.classes"),
    "round": sfn.JsonPath.number_at("$.round"),
}


class LabelingWorkflow(Construct):
    """The state machine over the labeling functions, `machine`; rounds wait for people, up to a timeout."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: LabelingFunctions,
        max_rounds: int,
        round_timeout: cdk.Duration,
    ) -> None:
        super().__init__(scope, construct_id)
        self._round_timeout = round_timeout
        model = {"model": sfn.JsonPath.string_at("$.model")}
        find = self._call("Find images without a label", functions.find, {**_EXECUTION, **model})
        label = self._round("Label", functions.open_round, "label")
        verify = self._round("Verify", functions.open_round, "verify")
        collect = self._call("Collect answers", functions.collect, _STATE)
        write = self._call("Write labels", functions.write, _STATE)
        some = sfn.Condition.number_greater_than("$.count", 0)
        find.next(sfn.Choice(self, "Anything to label?").when(some, label).otherwise(write))
        label.next(verify)
        verify.next(collect)
        # Found out of time is not lost: what was answered goes on.
        label.add_catch(verify, errors=["States.Timeout"], result_path=sfn.JsonPath.DISCARD)
        verify.add_catch(collect, errors=["States.Timeout"], result_path=sfn.JsonPath.DISCARD)
        collect.next(sfn.Choice(self, "Anything rejected?").when(some, label).otherwise(write))
        for state in (find, label, verify, collect, write):
            self._end_by_name(state)
        rounds = 2 * max_rounds * round_timeout.to_hours()
        self.machine = Workflow(
            self,
            "StateMachine",
            start=find,
            timeout=cdk.Duration.hours(rounds + 24),
            functions=functions.all,
        )

    def _call(self, name: str, function: PythonFunction, payload: Mapping[str, Any]) -> tasks.LambdaInvoke:
        state = tasks.LambdaInvoke(
            self,
            name,
            lambda_function=function,
            payload=sfn.TaskInput.from_object(dict(payload)),
            payload_response_only=True,
            retry_on_service_exceptions=False,
            task_timeout=sfn.Timeout.duration(cdk.Duration.minutes(16)),
        )
        return _retried(state)

    def _round(self, name: str, function: PythonFunction, kind: str) -> tasks.LambdaInvoke:
        """A state that waits until people have answered every task of a round."""
        payload = {"kind": kind, "token": sfn.JsonPath.task_token, **_STATE}
        state = tasks.LambdaInvoke(
            self,
            name,
            lambda_function=function,
            payload=sfn.TaskInput.from_object(payload),
            integration_pattern=sfn.IntegrationPattern.WAIT_FOR_TASK_TOKEN,
            retry_on_service_exceptions=False,
            task_timeout=sfn.Timeout.duration(self._round_timeout),
            result_path=sfn.JsonPath.DISCARD,
        )
        return _retried(state)

    def _end_by_name(self, state: tasks.LambdaInvoke) -> None:
        failed = sfn.Fail(
            self,
            f"{state.node.id} failed",
            error_path="$.error.Error",
            cause_path=sfn.JsonPath.format(f"{state.node.id}: {{}}", sfn.JsonPath.string_at("$.error.Cause")),
        )
        state.add_catch(failed, result_path="$.error")


def _retried(state: tasks.LambdaInvoke) -> tasks.LambdaInvoke:
    """Go on at once where a function ran out of time; wait ever longer for what passes by itself."""
    state.add_retry(errors=["OutOfTime"], interval=cdk.Duration.seconds(1), backoff_rate=1, max_attempts=50)
    retry_what_passes(state, max_attempts=8)
    return state
