"""What the states of a promotion are made with, and the states that its ways have in common."""

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from stacks.constructs.endpoint_change import PACKAGE, EndpointChange, in_environment
from stacks.constructs.life_cycle import LifeCycle
from stacks.constructs.notices import Notices
from stacks.constructs.promotion_functions import PromotionFunctions
from stacks.constructs.release_ledger import ReleaseLedger
from stacks.constructs.states import EXECUTION, STARTED, call, fields
from stacks.constructs.turns import Turns

# What went wrong after prod served the release and its record was kept: it stays, and is told.
_UNFINISHED = {
    "$.ledger_failure": ("Not in the ledger", "LedgerFailed"),
    "$.announcement_failure": ("Not announced", "AnnouncementFailed"),
    "$.staging_failure": ("Staging is behind", "StagingIsBehind"),
}


@dataclass(frozen=True)
class PromotionParts:
    """The functions, the two endpoints, and what keeps count of who is at them."""

    functions: PromotionFunctions
    staging: EndpointChange
    prod: EndpointChange
    turns: Turns
    ledger: ReleaseLedger
    life_cycle: LifeCycle
    notices: Notices

    @property
    def called(self) -> list[lambda_.Function]:
        """Every function that the states call."""
        others = (self.turns, self.ledger, self.life_cycle, self.notices)
        return [*self.functions.all, *(function for part in others for function in part.functions)]

    def read_package(self, scope: Construct, name: str, *, on_failure: sfn.IChainable) -> tasks.LambdaInvoke:
        """A state that reads the package anew and makes sure that it is what was approved, and still is."""
        payload = {
            **fields("model", "model_package_arn", "approved_by", "digest"),
            "execution": sfn.JsonPath.string_at(EXECUTION),
        }
        read = self.functions.read_model_package
        return call(scope, name, read, payload, "$.package", on_failure=on_failure)

    def check_artifacts(
        self, scope: Construct, name: str, *, on_failure: sfn.IChainable
    ) -> tasks.LambdaInvoke:
        """A state that hashes anew what the package was registered with."""
        check = self.functions.check_artifacts
        return call(scope, name, check, PACKAGE, "$.artifacts", on_failure=on_failure)

    def record(
        self,
        scope: Construct,
        name: str,
        *,
        execution: str = EXECUTION,
        started: str = STARTED,
        result_path: str = "$.release",
        on_failure: sfn.IChainable | None = None,
    ) -> tasks.LambdaInvoke:
        """A state that keeps the record of an execution, by default of this one."""
        payload = {
            "execution": sfn.JsonPath.string_at(execution),
            "started_at": sfn.JsonPath.string_at(started),
            "promotion": sfn.JsonPath.entire_payload,
        }
        return call(scope, name, self.functions.record_release, payload, result_path, on_failure=on_failure)

    def record_cut_off(self, scope: Construct, *, marked: str, then: sfn.IChainable) -> sfn.IChainable:
        """The states that mark and record an execution that was cut off; if one fails it goes on."""
        record = self.record(
            scope,
            "Record what was cut off",
            execution="$.cut_off.execution",
            started="$.cut_off.started_at",
            result_path="$.cut_off.record",
        )
        record.add_catch(then, result_path="$.record_failure")
        record.next(then)
        return self.life_cycle.mark(marked, then=record)

    def judge_staging(self, scope: Construct, *, on_failure: sfn.IChainable) -> tasks.LambdaInvoke:
        """A state that judges what the staging test has measured."""
        payload = {**PACKAGE, "endpoint": sfn.JsonPath.string_at("$.staging.endpoint")}
        judge = self.functions.judge_staging
        return call(scope, "Judge staging", judge, payload, "$.staging_test", on_failure=on_failure)

    def staging_test_did_not_finish(self, scope: Construct, *, then: sfn.IChainable) -> sfn.IChainable:
        """A state that makes of a test's job that failed a failed test."""
        failed = sfn.Pass(
            scope,
            "Staging test did not finish",
            parameters={"Error": "StagingTestFailed", "Cause": sfn.JsonPath.string_at("$.failure.Cause")},
            result_path="$.failure",
        )
        return failed.next(then)

    def smoke_prod(self, scope: Construct, *, on_failure: sfn.IChainable) -> tasks.LambdaInvoke:
        """A state that asks prod with a few pictures."""
        endpoint = sfn.JsonPath.string_at("$.prod.endpoint")
        payload = {**PACKAGE, **in_environment("prod"), "endpoint": endpoint}
        smoke = self.functions.smoke_endpoint
        return call(scope, "Smoke prod", smoke, payload, "$.prod_smoke", on_failure=on_failure)

    def announce(self, scope: Construct, name: str, *, source: str, then: sfn.IChainable) -> sfn.IChainable:
        """A state that emits `Model Promoted`; where it cannot, that is told in the end."""
        announce = tasks.EventBridgePutEvents(
            scope,
            name,
            entries=[
                tasks.EventBridgePutEventsEntry(
                    source=source,
                    detail_type="Model Promoted",
                    detail=sfn.TaskInput.from_object(ANNOUNCEMENT),
                    event_bus=events.EventBus.from_event_bus_name(scope, "Bus", "default"),
                )
            ],
            result_path=sfn.JsonPath.DISCARD,
            task_timeout=sfn.Timeout.duration(cdk.Duration.seconds(60)),
        )
        announce.add_retry(interval=cdk.Duration.seconds(5), max_attempts=6, backoff_rate=2)
        announce.add_catch(then, result_path="$.announcement_failure")
        announce.next(then)
        return announce

    def is_all_done(self, scope: Construct, *, succeeded: str) -> sfn.Choice:
        """The end of what prod serves by now: as succeeded, or as failed with what is still to be done."""
        how = sfn.Choice(scope, "Is all done?")
        for path, (name, error) in _UNFINISHED.items():
            cause = sfn.JsonPath.string_at(f"{path}.Cause")
            how.when(sfn.Condition.is_present(path), sfn.Fail(scope, name, error=error, cause_path=cause))
        return how.otherwise(sfn.Succeed(scope, succeeded))


ANNOUNCEMENT = {
    "model": sfn.JsonPath.string_at("$.model"),
    "model_package_arn": sfn.JsonPath.string_at("$.model_package_arn"),
    "release": sfn.JsonPath.string_at("$.release.uri"),
    "promoted_at": sfn.JsonPath.string_at("$.release.recorded_at"),
}
