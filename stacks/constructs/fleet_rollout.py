"""The state machine of a rollout: to staging devices, their health, then to prod devices.

In: {"model", "model_package_arn", "release", "promoted_at", "event_id", "turn"}, from start_rollout.py for a
promoted model. For a published inspector, from start_inspector_rollout.py, also {"inspector": version}; which
package goes with it is found out: the one that the prod devices run.
"""

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from stacks.constructs.rollout_functions import RolloutFunctions
from stacks.constructs.states import EXECUTION, STARTED, call, fields, until_ready
from stacks.constructs.turns import Turns, end_failed
from stacks.constructs.waves import Wave
from stacks.constructs.workflow import Workflow

# A state machine's history holds 25,000 events; a look at the devices is nine, and there are four waits.
_LOOKS = 360
_State = tasks.LambdaInvoke


class FleetRollout(Construct):
    """Staging devices and prod devices in order; a failure redeploys to both what they ran before."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: RolloutFunctions,
        staging: Wave,
        prod: Wave,
        timeout_minutes: int,
    ) -> None:
        super().__init__(scope, construct_id)
        self._functions = functions
        self._every_seconds = max(5, timeout_minutes * 60 // _LOOKS)
        # Longer than all waits together; an execution that ends here frees its turn by ending.
        timeout = cdk.Duration.days(7)
        self.turns = Turns(self, "Turns", lease=timeout)
        self._ending = self._record_failure()
        undo_staging = self._undo(staging, then=self._ending)
        undo_prod = self._undo(prod, then=undo_staging)
        done = self._record_success(on_failure=undo_prod)
        to_prod = self._deploy(prod, then=done, before=undo_staging, after=undo_prod)
        to_staging = self._deploy(staging, then=to_prod, before=self._ending, after=undo_staging)
        self.machine = Workflow(
            self,
            "StateMachine",
            start=self._beginning(prod, then=to_staging),
            timeout=timeout,
            functions=[*functions.all, *self.turns.functions],
        )
        self.turns.watch(self.machine)

    def _beginning(self, prod: Wave, *, then: sfn.IChainable) -> sfn.IChainable:
        inspector = call(
            self,
            "Is the inspector published?",
            self._functions.check_inspector,
            {},
            "$.inspector_component",
            on_failure=self._ending,
            wait_on=["InspectorNotPublished"],
        )
        create = call(
            self,
            "Create model component",
            self._functions.create_model_component,
            fields("model", "model_package_arn"),
            "$.component",
            on_failure=self._ending,
            wait_on=["ComponentNotReady"],
        )
        inspector.next(create).next(then)
        known = sfn.Condition.is_string("$.model_package_arn")
        which = sfn.Choice(self, "Which model?").when(known, inspector)
        return self.turns.take(
            then=which.otherwise(self._find_running_model(prod, then=inspector)),
            late="a package that was promoted later has been rolled out already",
            on_failure=self._ending,
        )

    def _find_running_model(self, prod: Wave, *, then: sfn.IChainable) -> sfn.IChainable:
        find = call(
            self,
            "Find running model",
            self._functions.find_running_model,
            {**fields("model"), "group_arn": prod.group_arn},
            "$.model_package_arn",
            on_failure=self._ending,
        )
        give_back = self.turns.give_back("Give unused turn back")
        nothing = sfn.Succeed(self, "No model to inspect with")
        give_back.add_catch(nothing, result_path=sfn.JsonPath.DISCARD)
        found = sfn.Choice(self, "Does a model run?").when(
            sfn.Condition.is_string("$.model_package_arn"), then
        )
        found.otherwise(give_back.next(nothing))
        return find.next(found)

    def _deploy(
        self, wave: Wave, *, then: sfn.IChainable, before: sfn.IChainable, after: sfn.IChainable
    ) -> sfn.IChainable:
        """Note what runs, deploy, wait, judge; a failure leads to `before`, from the change on to `after`."""
        read = call(
            self,
            f"Read {wave.name} group",
            self._functions.read_group,
            {"group_arn": wave.group_arn, "required": wave.required},
            f"$.{wave.name}_before",
            on_failure=before,
        )
        deploy = call(
            self,
            f"Deploy to {wave.name} devices",
            self._functions.deploy_to_group,
            {
                **fields("model_package_arn"),
                "group_arn": wave.group_arn,
                "previous": sfn.JsonPath.object_at(f"$.{wave.name}_before.previous"),
                "component": sfn.JsonPath.object_at("$.component"),
                "max_failed_percent": wave.max_failed_percent,
                "execution": sfn.JsonPath.string_at(EXECUTION),
            },
            f"$.{wave.name}",
            on_failure=after,
        )
        return read.next(deploy).next(self._settle(wave, then=self._judge(wave, then, after), after=after))

    def _settle(self, wave: Wave, *, then: sfn.IChainable, after: sfn.IChainable) -> sfn.IChainable:
        check = call(
            self,
            f"Check {wave.name} devices",
            self._functions.check_group,
            {
                **self._deployment(wave),
                "required": wave.required,
                "max_failed_percent": wave.max_failed_percent,
            },
            f"$.{wave.name}_devices",
            on_failure=after,
        )
        return until_ready(
            self,
            f"Are {wave.name} devices done?",
            check=check,
            status_path=f"$.{wave.name}_devices.status",
            then=then,
            every_seconds=self._every_seconds,
        )

    def _judge(self, wave: Wave, then: sfn.IChainable, after: sfn.IChainable) -> sfn.IChainable:
        note = sfn.Pass(
            self,
            f"Give {wave.name} devices time",
            parameters={"since": sfn.JsonPath.string_at("$$.State.EnteredTime")},
            result_path=f"$.{wave.name}_settled",
        )
        judge = call(
            self,
            f"Judge {wave.name} devices",
            self._functions.judge_health,
            {
                **self._deployment(wave),
                **fields("model_package_arn"),
                "since": sfn.JsonPath.string_at(f"$.{wave.name}_settled.since"),
                "component_version": sfn.JsonPath.string_at("$.component.version"),
                "components": sfn.JsonPath.object_at(f"$.{wave.name}.components"),
                "min_inferences": wave.min_inferences,
            },
            f"$.{wave.name}_health",
            on_failure=after,
        )
        wait = until_ready(
            self,
            f"Are {wave.name} devices healthy?",
            check=judge,
            status_path=f"$.{wave.name}_health.status",
            then=then,
            every_seconds=self._every_seconds,
        )
        return note.next(wait)

    def _undo(self, wave: Wave, *, then: sfn.IChainable) -> sfn.IChainable:
        redeploy = call(
            self,
            f"Redeploy version before to {wave.name} devices",
            self._functions.redeploy_previous,
            {
                "group_arn": wave.group_arn,
                "previous": sfn.JsonPath.object_at(f"$.{wave.name}_before.previous"),
                "execution": sfn.JsonPath.string_at(EXECUTION),
            },
            f"$.{wave.name}_undo",
        )
        redeploy.add_catch(then, result_path="$.rollback_failure")
        redeploy.next(then)
        return redeploy

    def _record_success(self, *, on_failure: sfn.IChainable) -> sfn.IChainable:
        record = self._record("Record rollout", on_failure=on_failure)
        give_back = self.turns.give_back("Give turn back")
        done = sfn.Succeed(self, "Rolled out")
        give_back.add_catch(done, result_path=sfn.JsonPath.DISCARD)
        return record.next(give_back).next(done)

    def _record_failure(self) -> sfn.IChainable:
        record = self._record("Record failure")
        return end_failed(self, record=record, turns=self.turns, failed="Rollout failed")

    def _record(self, name: str, *, on_failure: sfn.IChainable | None = None) -> _State:
        payload = {
            "execution": sfn.JsonPath.string_at(EXECUTION),
            "started_at": sfn.JsonPath.string_at(STARTED),
            "rollout": sfn.JsonPath.entire_payload,
        }
        return call(self, name, self._functions.record_rollout, payload, "$.record", on_failure=on_failure)

    def _deployment(self, wave: Wave) -> dict[str, str]:
        return {
            "group_arn": wave.group_arn,
            "deployment_id": sfn.JsonPath.string_at(f"$.{wave.name}.deployment_id"),
            "started_at": sfn.JsonPath.string_at(f"$.{wave.name}.started_at"),
        }
