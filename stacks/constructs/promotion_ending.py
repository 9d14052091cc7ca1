"""How a promotion ends: recorded, marked, told, and with its turn given back."""

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.constructs.promotion_parts import PromotionParts
from stacks.constructs.turns import end_failed

OUTCOMES = {
    "NoLongerApproved": "No longer approved",
    "PackageChanged": "Changed after its approval",
    "NothingToGoBackTo": "Nothing to go back to",
}


class PromotionEnding(Construct):
    """`failed` and `told` are where the ways of a promotion lead to."""

    def __init__(
        self, scope: Construct, construct_id: str, *, parts: PromotionParts, event_source: str
    ) -> None:
        super().__init__(scope, construct_id)
        self._parts, self._event_source = parts, event_source
        self.failed = self._failed()
        self.told = self._told()

    def promoted(self, *, staging_too: sfn.IChainable, on_failure: sfn.IChainable) -> sfn.IChainable:
        """Record what prod serves, enter it, announce it; after a way back, let staging follow."""
        forward = sfn.Condition.string_equals("$.purpose", "promote")
        follows = sfn.Choice(self, "Has staging had it?").when(forward, self.told).otherwise(staging_too)
        announce = self._parts.announce(self, "Announce promotion", source=self._event_source, then=follows)
        enter = self._parts.ledger.enter("Enter release", then=announce)
        record = self._parts.record(self, "Record release", on_failure=on_failure)
        record.next(enter)
        return self._parts.life_cycle.mark("Mark serving", then=record)

    def _told(self) -> sfn.IChainable:
        how = self._parts.is_all_done(self, succeeded="Promoted")
        give_back = self._parts.turns.give_back("Give turn back")
        give_back.add_catch(how, result_path=sfn.JsonPath.DISCARD)
        give_back.next(how)
        return self._parts.notices.tell("Tell of promotion", then=give_back)

    def _failed(self) -> sfn.IChainable:
        record = self._parts.record(self, "Record failure")
        end_failed(
            self,
            record=record,
            turns=self._parts.turns,
            failed="Promotion failed",
            outcomes=OUTCOMES,
            tell=lambda then: self._parts.notices.tell("Tell of failure", then=then),
        )
        return self._parts.life_cycle.mark("Mark failure", then=record)
