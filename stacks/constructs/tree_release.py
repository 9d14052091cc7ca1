"""The state machine for members of trees: those that fit go to staging and prod together; and back.

In: as promotion_workflow.py has it, for a model that is of a tree. The members of a set are gone through one
after the other, phase by phase: lambdas/promotion/release_set.py has the phases and what travels in the
state. docs/adr/0038 has the rule and the outcomes.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from config_trees import Tree
from stacks.constructs.endpoint_change import EndpointChange
from stacks.constructs.promotion_parts import PromotionParts
from stacks.constructs.promotion_workflow import TIMEOUT
from stacks.constructs.staging_test import StagingTest
from stacks.constructs.states import EXECUTION, call, fields
from stacks.constructs.tree_ending import TreeEnding
from stacks.constructs.tree_functions import TreeFunctions
from stacks.constructs.tree_phases import WHOLE, TreePhases
from stacks.constructs.workflow import Workflow

# As read_endpoint's: what a killed execution began goes on.
_BUSY_MINUTES = 240
# Of a member beside the watching of its deployment in prod, which may wait for three bakes: staging and its
# test, the deployments themselves.
_MEMBER_MINUTES, _BAKES = 60, 3
_LATE = "unused: in the line of a tree nobody comes too late"


def release_time(trees: Sequence[Tree]) -> cdk.Duration:
    """How long the release of the largest tree may take, with another one of it before it in the line."""
    minutes = (
        sum(_MEMBER_MINUTES + _BAKES * member.prod.bake_seconds // 60 for member in tree.members)
        for tree in trees
    )
    hours = math.ceil(2 * max(minutes, default=0) / 60)
    return cdk.Duration.hours(max(hours, int(TIMEOUT.to_hours())))


class TreeRelease(Construct):
    """A set of members to staging, its tests, and prod; a failure puts every member back."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        parts: PromotionParts,
        staging_test: StagingTest,
        artifacts: s3.IBucket,
        key: kms.IKey,
        event_source: str,
        timeout: cdk.Duration,
    ) -> None:
        super().__init__(scope, construct_id)
        own = parts.functions
        self._functions = TreeFunctions(
            self, "Functions", functions=own, ledger=parts.ledger, artifacts=artifacts, key=key
        )
        self._parts = replace(
            parts,
            staging=EndpointChange(self, "Staging", functions=own, environment="staging", patient=True),
            prod=EndpointChange(self, "Prod", functions=own, environment="prod", patient=True),
        )
        self._phases = TreePhases(self, "Phases", next_member=self._functions.next_member)
        self._ending = TreeEnding(
            self,
            "Ending",
            parts=self._parts,
            phases=self._phases,
            functions=self._functions,
            event_source=event_source,
        )
        self.machine = Workflow(
            self,
            "StateMachine",
            start=self._start(staging_test),
            timeout=timeout,
            functions=[*self._parts.called, *self._functions.all],
        )
        staging_test.grant_run(self.machine.role)
        parts.turns.watch(self.machine, "SeeTreeExecutions")

    def _start(self, staging_test: StagingTest) -> sfn.IChainable:
        undo = self._ending.undo
        released = self._ending.released(self._follow())
        confirmed = self._phases.each("be confirmed", self._confirm, then=released)
        to_prod = self._phases.each("go to prod", self._to_prod, then=confirmed)
        to_staging = self._phases.each(
            "go to staging", lambda done: self._to_staging(staging_test, done), then=to_prod
        )
        forward = sfn.Condition.string_equals("$.purpose", "promote")
        where = sfn.Choice(self, "To staging first?").when(forward, to_staging).otherwise(to_prod)
        checked = self._phases.each("be checked", self._check, then=where)
        which = sfn.Choice(self, "Forward or back?")
        which.when(forward, self._forward(checked)).otherwise(self._back(checked))
        read_tree = self._parts.functions.read_tree
        if read_tree is None:
            raise ValueError(f"{self.node.path}: no model is of a tree")
        read = call(
            self,
            "Read tree",
            read_tree,
            {**fields("model"), "execution": sfn.JsonPath.string_at(EXECUTION)},
            "$.tree",
            on_failure=undo,
            wait_on=["EndpointBusy"],
            wait_minutes=_BUSY_MINUTES,
        )
        read.next(which)
        return self._parts.turns.take(then=read, late=_LATE, on_failure=undo, scope=self)

    def _forward(self, checked: sfn.IChainable) -> sfn.IChainable:
        """Decide who goes together, and hold who goes with nobody."""
        holds = sfn.Choice(self, "Does it fit?")
        holds.when(sfn.Condition.boolean_equals("$.set.hold", True), self._ending.failed).otherwise(checked)
        check = self._lay_out("Check tree", self._functions.check_tree)
        check.next(holds)
        return check

    def _back(self, checked: sfn.IChainable) -> sfn.IChainable:
        """Record what was cut off, and find the set to go back to."""
        anything = sfn.Choice(self, "Is anything to be done?")
        anything.when(sfn.Condition.boolean_equals("$.set.more", True), checked)
        anything.otherwise(self._ending.unneeded())
        find = self._lay_out("Find set", self._functions.find_set)
        find.next(anything)
        mark = self._parts.record_cut_off(self, marked="Mark what was cut off of a tree", then=find)
        cut_off = sfn.Choice(self, "Was one cut off?")
        return cut_off.when(sfn.Condition.is_present("$.cut_off"), mark).otherwise(find)

    def _lay_out(self, name: str, function: lambda_.Function) -> tasks.LambdaInvoke:
        return call(self, name, function, WHOLE, "$", on_failure=self._ending.undo)

    def _check(self, done: sfn.IChainable) -> sfn.IChainable:
        undo = self._ending.undo
        read = self._parts.read_package(self, "Read member", on_failure=undo)
        check = self._parts.check_artifacts(self, "Check artifacts of member", on_failure=undo)
        check.next(done)
        return read.next(check)

    def _to_staging(self, staging_test: StagingTest, done: sfn.IChainable) -> sfn.IChainable:
        parts, undo = self._parts, self._ending.undo
        # The approval may have been withdrawn while staging was tested.
        confirm = parts.read_package(self, "Confirm approval", on_failure=undo)
        confirm.next(done)
        judge = parts.judge_staging(self, on_failure=undo)
        judge.next(parts.life_cycle.mark("Mark member passed staging", then=confirm))
        test = staging_test.named("Test member in staging")
        test.add_catch(parts.staging_test_did_not_finish(self, then=undo), result_path="$.failure")
        deploy = parts.staging.deploy(then=test.next(judge), on_failure=undo)
        return parts.life_cycle.mark("Mark member in staging", then=deploy)

    def _to_prod(self, done: sfn.IChainable) -> sfn.IChainable:
        parts, undo = self._parts, self._ending.undo
        smoke = parts.smoke_prod(self, on_failure=undo)
        smoke.next(done)
        deploy = parts.prod.deploy(then=smoke, on_failure=undo)
        # Prod reads the model anew, which may have been changed since staging did.
        check = parts.check_artifacts(self, "Check artifacts for prod", on_failure=undo)
        check.next(parts.life_cycle.mark("Mark member in prod", then=deploy))
        return check

    def _confirm(self, done: sfn.IChainable) -> sfn.IChainable:
        """An approval may also have been withdrawn while prod was watched."""
        read = self._parts.read_package(self, "Confirm approval in prod", on_failure=self._ending.undo)
        return read.next(done)

    def _follow(self) -> Callable[[sfn.IChainable], sfn.IChainable]:
        def deploy(done: sfn.IChainable) -> sfn.IChainable:
            return self._parts.staging.deploy(
                then=done, on_failure=done, failure_path="$.staging_failure", also=" too"
            )

        return deploy
