"""The state machine of a promotion: one approved model package to staging, its test, then to prod; and back.

In: {"purpose": "promote" | "roll back" | "recover", "model", "model_package_arn", "approved_at",
"approved_by", "digest": of what was approved, "event_id", "turn"}; to roll back also {"rejected",
"rejected_at", "rejected_by"}; to recover {"cut_off", "failure"}. From start_promotion.py, start_rollback.py
and start_recovery.py. docs/adr/0017 has the outcomes.
"""

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.constructs.endpoint_change import EndpointChange
from stacks.constructs.life_cycle import LifeCycle
from stacks.constructs.notices import Notices
from stacks.constructs.promotion_ending import PromotionEnding
from stacks.constructs.promotion_functions import PromotionFunctions
from stacks.constructs.promotion_parts import PromotionParts
from stacks.constructs.release_ledger import ReleaseLedger
from stacks.constructs.staging_test import StagingTest
from stacks.constructs.turns import Turns
from stacks.constructs.way_back import WayBack
from stacks.constructs.workflow import Workflow

# Longer than all waits together; an execution that ends here frees its turn by ending.
TIMEOUT = cdk.Duration.hours(12)
_LATE = "a package that was approved later has had its turn already"


class PromotionWorkflow(Construct):
    """Staging and prod in order; a failure puts both back to what they served before, and is recorded.

    `lease` is how long a turn lasts at most, also of the releases of trees, which take turns here.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: PromotionFunctions,
        staging_test: StagingTest,
        ledger: ReleaseLedger,
        life_cycle: LifeCycle,
        notices: Notices,
        event_source: str,
        lease: cdk.Duration = TIMEOUT,
    ) -> None:
        super().__init__(scope, construct_id)
        self.turns = Turns(self, "Turns", lease=lease)
        for function in (functions.deploy_endpoint, functions.restore_endpoint):
            self.turns.guard(function)
        parts = self.parts = PromotionParts(
            functions=functions,
            staging=EndpointChange(self, "Staging", functions=functions, environment="staging"),
            prod=EndpointChange(self, "Prod", functions=functions, environment="prod"),
            turns=self.turns,
            ledger=ledger,
            life_cycle=life_cycle,
            notices=notices,
        )
        self._ending = PromotionEnding(self, "Ending", parts=parts, event_source=event_source)
        self._undo_staging = parts.staging.undo(then=self._ending.failed)
        self._undo_prod = parts.prod.undo(then=self._undo_staging)
        self.machine = Workflow(
            self,
            "StateMachine",
            start=self._start(staging_test),
            timeout=TIMEOUT,
            functions=parts.called,
        )
        staging_test.grant_run(self.machine.role)
        self.turns.watch(self.machine)

    def _start(self, staging_test: StagingTest) -> sfn.IChainable:
        told, failed = self._ending.told, self._ending.failed
        staging_too = self.parts.staging.deploy(
            then=told, on_failure=told, failure_path="$.staging_failure", also=" too"
        )
        to_prod = self._to_prod(staging_too)
        back = WayBack(
            self, "Back", parts=self.parts, to_prod=to_prod, to_staging=staging_too, on_failure=failed
        )
        forward = sfn.Condition.string_equals("$.purpose", "promote")
        which = sfn.Choice(self, "Forward or back?")
        which.when(forward, self._forward(staging_test, then=to_prod)).otherwise(back.start)
        return self.turns.take(then=which, late=_LATE, on_failure=failed)

    def _forward(self, staging_test: StagingTest, *, then: sfn.IChainable) -> sfn.IChainable:
        """Read the package, deploy it to staging, test it there."""
        parts, failed = self.parts, self._ending.failed
        to_staging = parts.staging.deploy(
            then=self._test(staging_test, then=then), on_failure=self._undo_staging
        )
        before = parts.staging.read("Read staging endpoint", "$.staging_before", on_failure=failed)
        before.next(to_staging)
        check = parts.check_artifacts(self, "Check artifacts", on_failure=failed)
        check.next(parts.life_cycle.mark("Mark in staging", then=before))
        return parts.read_package(self, "Read model package", on_failure=failed).next(check)

    def _test(self, staging_test: StagingTest, *, then: sfn.IChainable) -> sfn.IChainable:
        parts, undo = self.parts, self._undo_staging
        judge = parts.judge_staging(self, on_failure=undo)
        # The approval may have been withdrawn while staging was tested.
        confirm = parts.read_package(self, "Confirm approval", on_failure=undo)
        confirm.next(then)
        judge.next(parts.life_cycle.mark("Mark passed staging", then=confirm))
        did_not_run = parts.staging_test_did_not_finish(self, then=undo)
        staging_test.state.add_catch(did_not_run, result_path="$.failure")
        return staging_test.state.next(judge)

    def _to_prod(self, staging_too: sfn.IChainable) -> sfn.IChainable:
        parts, undo = self.parts, self._undo_prod
        # It may also have been withdrawn while prod was watched.
        confirm = parts.read_package(self, "Confirm approval in prod", on_failure=undo)
        confirm.next(self._ending.promoted(staging_too=staging_too, on_failure=undo))
        smoke = parts.smoke_prod(self, on_failure=undo)
        smoke.next(confirm)
        deploy = parts.prod.deploy(then=smoke, on_failure=undo)
        before = parts.prod.read("Read prod endpoint", "$.prod_before", on_failure=self._undo_staging)
        # Prod reads the model anew, which may have been changed since staging did.
        check = parts.check_artifacts(self, "Check artifacts for prod", on_failure=self._undo_staging)
        check.next(before)
        before.next(parts.life_cycle.mark("Mark in prod", then=deploy))
        return check
