"""The state machine of a promotion: one approved model package to staging, its test, then to prod.

In: {"model", "model_package_arn", "event_id", "approved_at", "turn"}, from start_promotion.py.
"""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from stacks.constructs.promotion_functions import PromotionFunctions
from stacks.constructs.staging_test import StagingTest
from stacks.constructs.states import EXECUTION, STARTED, call, fields, until_ready
from stacks.constructs.turns import Turns, end_failed
from stacks.constructs.workflow import Workflow

_EVERY_SECONDS = 5
_PACKAGE = {"package": sfn.JsonPath.object_at("$.package")}
_State = tasks.LambdaInvoke


class PromotionWorkflow(Construct):
    """Staging and prod in order; a failure puts both back to what they served before, and is recorded."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: PromotionFunctions,
        staging_test: StagingTest,
        event_source: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._functions = functions
        timeout = cdk.Duration.hours(12)
        self.turns = Turns(self, "Turns", lease=timeout)
        self._ending = self._record_failure()
        self._undo_staging = self._undo("staging", then=self._ending)
        self._undo_prod = self._undo("prod", then=self._undo_staging)
        prod = self._prod(then=self._record_success(event_source))
        staging = self._staging(staging_test, then=prod)
        self.machine = Workflow(
            self,
            "StateMachine",
            start=self._beginning(then=staging),
            # Longer than all waits together; an execution that ends here frees its turn by ending.
            timeout=timeout,
            functions=[*functions.all, *self.turns.functions],
        )
        staging_test.grant_run(self.machine.role)
        self.turns.watch(self.machine)

    def _beginning(self, *, then: sfn.IChainable) -> sfn.IChainable:
        read = self._read_package("Read model package", on_failure=self._ending)
        read.next(then)
        return self.turns.take(
            then=read,
            late="a package that was approved later has been promoted already",
            on_failure=self._ending,
        )

    def _staging(self, staging_test: StagingTest, *, then: sfn.IChainable) -> sfn.IChainable:
        judge = call(
            self,
            "Judge staging",
            self._functions.judge_staging,
            {**_PACKAGE, "endpoint": sfn.JsonPath.string_at("$.staging.endpoint")},
            "$.staging_test",
            on_failure=self._undo_staging,
        )
        # The approval may have been withdrawn while staging was tested.
        confirm = self._read_package("Confirm approval", on_failure=self._undo_staging)
        staging_test.state.add_catch(self._test_did_not_run(), result_path="$.failure")
        staging_test.state.next(judge).next(confirm).next(then)
        return self._deploy("staging", then=staging_test.state, before=self._ending, after=self._undo_staging)

    def _prod(self, *, then: sfn.IChainable) -> sfn.IChainable:
        smoke = call(
            self,
            "Smoke prod",
            self._functions.smoke_endpoint,
            {**_PACKAGE, **_in("prod"), "endpoint": sfn.JsonPath.string_at("$.prod.endpoint")},
            "$.prod_smoke",
            on_failure=self._undo_prod,
        )
        smoke.next(then)
        return self._deploy("prod", then=smoke, before=self._undo_staging, after=self._undo_prod)

    def _deploy(
        self, environment: str, *, then: sfn.IChainable, before: sfn.IChainable, after: sfn.IChainable
    ) -> sfn.IChainable:
        """Note what is there, deploy, wait; a failure leads to `before`, or from the change on to `after`."""
        read = call(
            self,
            f"Read {environment} endpoint",
            self._functions.read_endpoint,
            {**fields("model"), **_in(environment)},
            f"$.{environment}_before",
            on_failure=before,
            wait_on=["EndpointBusy"],
        )
        deploy = call(
            self,
            f"Deploy to {environment}",
            self._functions.deploy_endpoint,
            {**_PACKAGE, **_in(environment)},
            f"$.{environment}",
            on_failure=after,
            wait_on=["EndpointBusy"],
        )
        check = call(
            self,
            f"Check {environment}",
            self._functions.check_endpoint,
            {
                **_in(environment),
                "deployed": sfn.JsonPath.object_at(f"$.{environment}"),
                "steps": sfn.JsonPath.list_at(f"$.{environment}_check.steps"),
            },
            f"$.{environment}_check",
            on_failure=after,
        )
        no_steps = sfn.Pass(
            self,
            f"No steps in {environment} yet",
            result=sfn.Result.from_object({"steps": []}),
            result_path=f"$.{environment}_check",
        )
        wait = until_ready(
            self,
            f"Is {environment} in service?",
            check=check,
            status_path=f"$.{environment}_check.status",
            then=then,
            every_seconds=_EVERY_SECONDS,
        )
        return read.next(deploy).next(no_steps).next(wait)

    def _undo(self, environment: str, *, then: sfn.IChainable) -> sfn.IChainable:
        failed = sfn.Pass(
            self,
            f"Undo {environment}",
            parameters={"since": sfn.JsonPath.string_at("$$.State.EnteredTime")},
            result_path="$.undo",
        )
        restore = call(
            self,
            f"Put {environment} back",
            self._functions.restore_endpoint,
            {
                **_in(environment),
                "before": sfn.JsonPath.object_at(f"$.{environment}_before"),
                "since": sfn.JsonPath.string_at("$.undo.since"),
            },
            "$.undo.state",
        )
        restore.add_catch(then, result_path="$.rollback_failure")
        wait = until_ready(
            self,
            f"Is {environment} back?",
            check=restore,
            status_path="$.undo.state.status",
            then=then,
            every_seconds=_EVERY_SECONDS,
        )
        return failed.next(wait)

    def _record_success(self, event_source: str) -> sfn.IChainable:
        record = self._record("Record release", on_failure=self._undo_prod)
        announce = tasks.EventBridgePutEvents(
            self,
            "Announce promotion",
            entries=[
                tasks.EventBridgePutEventsEntry(
                    source=event_source,
                    detail_type="Model Promoted",
                    detail=sfn.TaskInput.from_object(_ANNOUNCEMENT),
                    event_bus=events.EventBus.from_event_bus_name(self, "Bus", "default"),
                )
            ],
            result_path=sfn.JsonPath.DISCARD,
            task_timeout=sfn.Timeout.duration(cdk.Duration.seconds(60)),
        )
        announce.add_retry(interval=cdk.Duration.seconds(5), max_attempts=6, backoff_rate=2)
        give_back = self.turns.give_back("Give turn back")
        promoted = sfn.Succeed(self, "Promoted")
        # Prod serves the release and its record is kept; only the fleet has not heard of it.
        announce.add_catch(self._turns_end_unannounced(), result_path="$.failure")
        give_back.add_catch(promoted, result_path=sfn.JsonPath.DISCARD)
        return record.next(announce).next(give_back).next(promoted)

    def _turns_end_unannounced(self) -> sfn.IChainable:
        give_back = self.turns.give_back("Give turn back unannounced")
        end = sfn.Fail(
            self,
            "Not announced",
            error="AnnouncementFailed",
            cause_path=sfn.JsonPath.string_at("$.failure.Cause"),
        )
        give_back.add_catch(end, result_path=sfn.JsonPath.DISCARD)
        return give_back.next(end)

    def _record_failure(self) -> sfn.IChainable:
        record = self._record("Record failure")
        return end_failed(
            self,
            record=record,
            turns=self.turns,
            failed="Promotion failed",
            outcomes={"NoLongerApproved": "No longer approved"},
        )

    def _test_did_not_run(self) -> sfn.IChainable:
        named = sfn.Pass(
            self,
            "Staging test did not finish",
            parameters={"Error": "StagingTestFailed", "Cause": sfn.JsonPath.string_at("$.failure.Cause")},
            result_path="$.failure",
        )
        return named.next(self._undo_staging)

    def _read_package(self, name: str, *, on_failure: sfn.IChainable) -> _State:
        payload = {**fields("model", "model_package_arn"), "execution": sfn.JsonPath.string_at(EXECUTION)}
        return call(
            self, name, self._functions.read_model_package, payload, "$.package", on_failure=on_failure
        )

    def _record(self, name: str, *, on_failure: sfn.IChainable | None = None) -> _State:
        payload = {
            "execution": sfn.JsonPath.string_at(EXECUTION),
            "started_at": sfn.JsonPath.string_at(STARTED),
            "promotion": sfn.JsonPath.entire_payload,
        }
        return call(self, name, self._functions.record_release, payload, "$.release", on_failure=on_failure)


def _in(environment: str) -> dict[str, str]:
    """Say to a function in which environment it acts, and in whose name."""
    return {"environment": environment, "execution": sfn.JsonPath.string_at(EXECUTION)}


_ANNOUNCEMENT = {
    "model": sfn.JsonPath.string_at("$.model"),
    "model_package_arn": sfn.JsonPath.string_at("$.model_package_arn"),
    "release": sfn.JsonPath.string_at("$.release.uri"),
    "promoted_at": sfn.JsonPath.string_at("$.release.recorded_at"),
}
