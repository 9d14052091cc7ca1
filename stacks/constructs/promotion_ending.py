"""How a promotion ends: recorded, marked, told, and with its turn given back."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from stacks.constructs.promotion_parts import PromotionParts
from stacks.constructs.turns import end_failed

OUTCOMES = {
    "NoLongerApproved": "No longer approved",
    "PackageChanged": "Changed after its approval",
    "NothingToGoBackTo": "Nothing to go back to",
}
# What went wrong after prod served the release and its record was kept: it stays, and is told.
UNFINISHED = {
    "$.ledger_failure": ("Not in the ledger", "LedgerFailed"),
    "$.announcement_failure": ("Not announced", "AnnouncementFailed"),
    "$.staging_failure": ("Staging is behind", "StagingIsBehind"),
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
        announce = self._announce(then=follows)
        enter = self._parts.ledger.enter("Enter release", then=announce)
        record = self._parts.record(self, "Record release", on_failure=on_failure)
        record.next(enter)
        return self._parts.life_cycle.mark("Mark serving", then=record)

    def _announce(self, *, then: sfn.IChainable) -> sfn.IChainable:
        announce = tasks.EventBridgePutEvents(
            self,
            "Announce promotion",
            entries=[
                tasks.EventBridgePutEventsEntry(
                    source=self._event_source,
                    detail_type="Model Promoted",
                    detail=sfn.TaskInput.from_object(ANNOUNCEMENT),
                    event_bus=events.EventBus.from_event_bus_name(self, "Bus", "default"),
                )
            ],
            result_path=sfn.JsonPath.DISCARD,
            task_timeout=sfn.Timeout.duration(cdk.Duration.seconds(60)),
        )
        announce.add_retry(interval=cdk.Duration.seconds(5), max_attempts=6, backoff_rate=2)
        announce.add_catch(then, result_path="$.announcement_failure")
        announce.next(then)
        return announce

    def _told(self) -> sfn.IChainable:
        how = sfn.Choice(self, "Is all done?")
        for path, (name, error) in UNFINISHED.items():
            cause = sfn.JsonPath.string_at(f"{path}.Cause")
            how.when(sfn.Condition.is_present(path), sfn.Fail(self, name, error=error, cause_path=cause))
        how.otherwise(sfn.Succeed(self, "Promoted"))
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


ANNOUNCEMENT = {
    "model": sfn.JsonPath.string_at("$.model"),
    "model_package_arn": sfn.JsonPath.string_at("$.model_package_arn"),
    "release": sfn.JsonPath.string_at("$.release.uri"),
    "promoted_at": sfn.JsonPath.string_at("$.release.recorded_at"),
}
