"""One phase of a release after the other, and in each one member of the set after the other."""

from collections.abc import Callable

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.constructs.states import call

WHOLE = {"release": sfn.JsonPath.entire_payload}
# What is made of the state that comes after a member: the states of one member, up to that.
Body = Callable[[sfn.IChainable], sfn.IChainable]


class TreePhases(Construct):
    """Makes the loops; lambdas/promotion/release_set.py says which members a phase is for."""

    def __init__(self, scope: Construct, construct_id: str, *, next_member: lambda_.Function) -> None:
        super().__init__(scope, construct_id)
        self._next_member = next_member
        # start_recovery.py takes this for an execution that was cut off.
        self._lost = sfn.Fail(
            self, "Release lost", error="ReleaseLost", cause_path=sfn.JsonPath.string_at("$.lost.Cause")
        )

    def each(self, phase: str, body: Body, *, then: sfn.IChainable) -> sfn.IChainable:
        """States that take every member that is to `phase` through `body`, and then go on."""
        take = call(self, f"Next to {phase}", self._next_member, {**WHOLE, "phase": phase}, "$")
        take.add_catch(self._lost, result_path="$.lost")
        left = sfn.Choice(self, f"Any to {phase}?")
        left.when(sfn.Condition.boolean_equals("$.set.more", True), body(take)).otherwise(then)
        take.next(left)
        return take
