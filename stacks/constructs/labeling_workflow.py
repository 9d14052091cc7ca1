"""The state machine of a labeling execution: label, verify, write, again what is left, settle.

In:  {"model": "tags"}
Out: lambdas/labeling/write_labels.py says what comes out, and `suggestions` what became of the suggestions.

Between the states go numbers and names only; the lists are on S3 (lambdas/labeling/payloads.py). A round
waits by one task token, however many tasks it has: an execution's history has the same length for ten
pictures and for ten thousand. A round that nobody finished in time goes on as far as it came. A failure ends
the execution by the name of the state that failed; it can be redriven until the next one has taken its
images, which are free from its end on.
"""

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from config_labeling import Labeling
from stacks.constructs.labeling_functions import LabelingFunctions
from stacks.constructs.labeling_states import EXECUTION, STATE, SUGGESTIONS, call, failed, found, retried
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.workflow import Workflow

_FOUND = {**found(not_suggested="nobody was asked"), "disputed": 0}


class LabelingWorkflow(Construct):
    """The state machine over the labeling functions, `machine`; rounds wait for people, up to a timeout.

    `suggest` is the function that asks the model in prod before people are; None where nothing is suggested.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: LabelingFunctions,
        labeling: Labeling,
        suggest: PythonFunction | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._round_timeout = cdk.Duration.hours(labeling.round_timeout_hours)
        self._functions = functions
        find = self._find(labeling.round_size)
        label = self._round("Label", "label")
        verify = self._round("Verify", "verify")
        settle = self._round("Settle", "settle")
        collect = self._collect("Collect answers", settled=False)
        decide = self._collect("Collect decisions", settled=True)
        write = call(self, "Write labels", functions.write, {**STATE, **SUGGESTIONS}, result_path="$.result")
        some = sfn.Condition.number_greater_than("$.count", 0)
        ask = label if suggest is None else self._suggest(suggest, then=label)
        find.next(sfn.Choice(self, "Anything to label?").when(some, ask).otherwise(write))
        label.next(verify)
        verify.next(collect)
        collect.next(write)
        settle.next(decide)
        decide.next(write)
        # Found out of time is not lost: what was answered goes on.
        for state, following in ((label, verify), (verify, collect), (settle, decide)):
            state.add_catch(following, errors=["States.Timeout"], result_path=sfn.JsonPath.DISCARD)
        disputed = sfn.Condition.number_greater_than("$.disputed", 0)
        left = sfn.Choice(self, "Anything left?").when(some, label).when(disputed, settle)
        write.next(left.otherwise(sfn.Succeed(self, "Done", output_path="$.result")))
        for state in (find, label, verify, collect, settle, decide, write):
            state.add_catch(failed(self, state.node.id), result_path="$.error")
        rounds = 2 * labeling.max_rounds + 1
        self.machine = Workflow(
            self,
            "StateMachine",
            start=find,
            timeout=cdk.Duration.hours(rounds * labeling.round_timeout_hours + 24),
            functions=[*functions.all, *([] if suggest is None else [suggest])],
        )

    def _find(self, round_size: int) -> tasks.LambdaInvoke:
        payload = {**EXECUTION, "model": sfn.JsonPath.string_at("$.model"), "limit": round_size}
        return call(
            self, "Find images without a label", self._functions.find, payload, result_selector=_FOUND
        )

    def _suggest(self, function: PythonFunction, *, then: sfn.IChainable) -> tasks.LambdaInvoke:
        """Ask the model in prod; whatever comes of it, people are asked."""
        state = call(self, "Suggest boxes", function, STATE, result_path="$.suggestions", attempts=2)
        state.add_catch(then, result_path="$.suggestions")
        state.next(then)
        return state

    def _collect(self, name: str, *, settled: bool) -> tasks.LambdaInvoke:
        return call(self, name, self._functions.collect, {**STATE, **SUGGESTIONS, "settled": settled})

    def _round(self, name: str, kind: str) -> tasks.LambdaInvoke:
        """A state that waits until people have answered every task of a round."""
        payload = {"kind": kind, "token": sfn.JsonPath.task_token, **STATE}
        state = tasks.LambdaInvoke(
            self,
            name,
            lambda_function=self._functions.open_round,
            payload=sfn.TaskInput.from_object(payload),
            integration_pattern=sfn.IntegrationPattern.WAIT_FOR_TASK_TOKEN,
            retry_on_service_exceptions=False,
            task_timeout=sfn.Timeout.duration(self._round_timeout),
            result_path=sfn.JsonPath.DISCARD,
        )
        return retried(state)
