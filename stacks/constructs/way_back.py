"""The way back: after a rejection, or after an execution that was cut off, to a release by its name."""

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.constructs.promotion_parts import PromotionParts


class WayBack(Construct):
    """See what prod serves, find the release that it should serve, and go there if that is another.

    Prod goes first, since it is what serves something wrong; staging follows.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        parts: PromotionParts,
        to_prod: sfn.IChainable,
        to_staging: sfn.IChainable,
        on_failure: sfn.IChainable,
    ) -> None:
        super().__init__(scope, construct_id)
        self._parts = parts
        only_staging = sfn.Condition.string_equals("$.todo", "staging")
        where = sfn.Choice(self, "Does prod serve it already?").when(only_staging, to_staging)
        read = parts.read_package(self, "Read released package", on_failure=on_failure)
        read.next(where.otherwise(to_prod))
        nothing = sfn.Condition.string_equals("$.todo", "nothing")
        needed = sfn.Choice(self, "Is anything to be done?").when(nothing, self._unneeded())
        find = parts.ledger.find("Find release", on_failure=on_failure)
        find.next(needed.otherwise(read))
        cut_off = sfn.Choice(self, "Was one cut off?")
        cut_off.when(
            sfn.Condition.is_present("$.cut_off"),
            parts.record_cut_off(self, marked="Mark what was cut off", then=find),
        )
        self.start = parts.prod.read("Read what prod serves", "$.serving", on_failure=on_failure)
        self.start.next(cut_off.otherwise(find))

    def _unneeded(self) -> sfn.IChainable:
        give_back = self._parts.turns.give_back("Give unneeded turn back")
        nothing = sfn.Succeed(self, "Nothing to roll back")
        give_back.add_catch(nothing, result_path=sfn.JsonPath.DISCARD)
        return give_back.next(nothing)
