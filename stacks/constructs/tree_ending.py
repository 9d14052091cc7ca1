"""How a release of members of a tree ends: each recorded, all told at once, the turn given back."""

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.constructs.promotion_ending import OUTCOMES
from stacks.constructs.promotion_parts import PromotionParts
from stacks.constructs.states import call
from stacks.constructs.tree_functions import TreeFunctions
from stacks.constructs.tree_phases import WHOLE, Body, TreePhases

# To wait for others, or to have come too late, is no failure.
_NO_FAILURES = ("Held", "Superseded")


class TreeEnding(Construct):
    """`undo` puts every member back that was changed; `failed` is where that, and what is held, leads to."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        parts: PromotionParts,
        phases: TreePhases,
        functions: TreeFunctions,
        event_source: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._parts, self._phases = parts, phases
        self._functions, self._event_source = functions, event_source
        self.failed = self._failed()
        staging = phases.each("leave staging", lambda done: parts.staging.undo(then=done), then=self.failed)
        self.undo = phases.each("leave prod", lambda done: parts.prod.undo(then=done), then=staging)

    def released(self, follow: Body) -> sfn.IChainable:
        """Record what prod serves, enter it, announce it; after a way back, let staging follow."""
        told = self._told()
        too = self._phases.each("follow in staging", follow, then=told)
        forward = sfn.Condition.string_equals("$.purpose", "promote")
        follows = sfn.Choice(self, "Has staging had it?").when(forward, told).otherwise(too)
        entered = self._phases.each("be entered", self._enter, then=follows)
        return self._phases.each("be recorded", self._record, then=entered)

    def unneeded(self) -> sfn.IChainable:
        """End what found nothing to do."""
        give_back = self._parts.turns.give_back("Give unneeded turn of tree back")
        nothing = sfn.Succeed(self, "Nothing to roll back")
        give_back.add_catch(nothing, result_path=sfn.JsonPath.DISCARD)
        return give_back.next(nothing)

    def _record(self, done: sfn.IChainable) -> sfn.IChainable:
        record = self._parts.record(self, "Record member", on_failure=self.undo)
        record.next(done)
        return self._parts.life_cycle.mark("Mark member serving", then=record)

    def _enter(self, done: sfn.IChainable) -> sfn.IChainable:
        announce = self._parts.announce(self, "Announce member", source=self._event_source, then=done)
        return self._parts.ledger.enter("Enter member", then=announce)

    def _told(self) -> sfn.IChainable:
        how = self._parts.is_all_done(self, succeeded="Released")
        return self._settle("Let go of what was held", "Tell of release", "Give turn of tree back", how)

    def _failed(self) -> sfn.IChainable:
        how = sfn.Choice(self, "How did it end?")
        for error in _NO_FAILURES:
            how.when(_failed_with(error), sfn.Succeed(self, error))
        stuck = self._fail("Rollback failed", "$.rollback_failure", error="RollbackFailed")
        how.when(sfn.Condition.is_present("$.rollback_failure"), stuck)
        for error, name in OUTCOMES.items():
            how.when(_failed_with(error), self._fail(name, "$.failure", error=error))
        how.otherwise(self._fail("Release failed", "$.failure"))
        settled = self._settle(
            "Hold what waits", "Tell of what failed", "Give turn of tree back after failure", how
        )
        return self._phases.each("be recorded as failed", self._record_failure, then=settled)

    def _record_failure(self, done: sfn.IChainable) -> sfn.IChainable:
        record = self._parts.record(self, "Record failure of member")
        record.add_catch(done, result_path="$.record_failure")
        record.next(done)
        return self._parts.life_cycle.mark("Mark failure of member", then=record)

    def _settle(self, keep: str, tell: str, give_back: str, how: sfn.IChainable) -> sfn.IChainable:
        """Settle what waits, tell, give the turn back; none of it changes how the release ended."""
        last = self._parts.turns.give_back(give_back)
        last.add_catch(how, result_path=sfn.JsonPath.DISCARD)
        last.next(how)
        told = self._parts.notices.tell(tell, then=last)
        settle = call(self, keep, self._functions.keep_held, WHOLE, "$.waiting")
        settle.add_catch(told, result_path="$.ledger_failure")
        settle.next(told)
        return settle

    def _fail(self, name: str, path: str, *, error: str | None = None) -> sfn.Fail:
        return sfn.Fail(
            self,
            name,
            error=error,
            error_path=None if error else sfn.JsonPath.string_at(f"{path}.Error"),
            cause_path=sfn.JsonPath.string_at(f"{path}.Cause"),
        )


def _failed_with(error: str) -> sfn.Condition:
    return sfn.Condition.string_equals("$.failure.Error", error)
