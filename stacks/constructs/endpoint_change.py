"""The states that change one environment's endpoint, and those that put it back."""

from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from stacks.constructs.promotion_functions import PromotionFunctions
from stacks.constructs.states import EXECUTION, call, fields, until_ready
from stacks.constructs.turns import HELD

PACKAGE = {"package": sfn.JsonPath.object_at("$.package")}
_EVERY_SECONDS = 5
# A deployment with guardrails that a killed execution began goes on: 30 minutes, and three bakes of an hour.
_BUSY_MINUTES = 240


class EndpointChange(Construct):
    """Note what an environment serves, deploy, wait; and the way back to what was noted."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: PromotionFunctions,
        environment: str,
        patient: bool = False,
    ) -> None:
        """`patient`: look ever more seldom; where many endpoints change, a history has an end."""
        super().__init__(scope, construct_id)
        self._functions, self._environment, self._patient = functions, environment, patient

    def read(self, name: str, result_path: str, *, on_failure: sfn.IChainable) -> tasks.LambdaInvoke:
        """A state that notes what is served, once no change is under way."""
        return call(
            self,
            name,
            self._functions.read_endpoint,
            {**fields("model"), **in_environment(self._environment)},
            result_path,
            on_failure=on_failure,
            wait_on=["EndpointBusy"],
            wait_minutes=_BUSY_MINUTES,
        )

    def deploy(
        self,
        *,
        then: sfn.IChainable,
        on_failure: sfn.IChainable,
        failure_path: str = "$.failure",
        also: str = "",
    ) -> tasks.LambdaInvoke:
        """States that deploy the package and wait until it serves; `also` ends the names of a second set."""
        environment = self._environment
        deploy = call(
            self,
            f"Deploy to {environment}{also}",
            self._functions.deploy_endpoint,
            {**PACKAGE, **in_environment(environment), "turn": HELD},
            f"$.{environment}",
            wait_on=["EndpointBusy"],
            wait_minutes=_BUSY_MINUTES,
        )
        no_steps = sfn.Pass(
            self,
            f"No steps in {environment} yet{also}",
            result=sfn.Result.from_object({"steps": []}),
            result_path=f"$.{environment}_check",
        )
        check = call(
            self,
            f"Check {environment}{also}",
            self._functions.check_endpoint,
            {
                **in_environment(environment),
                "deployed": sfn.JsonPath.object_at(f"$.{environment}"),
                "steps": sfn.JsonPath.list_at(f"$.{environment}_check.steps"),
            },
            f"$.{environment}_check",
        )
        for state in (deploy, check):
            state.add_catch(on_failure, result_path=failure_path)
        wait = until_ready(
            self,
            f"Is {environment} in service{also}?",
            check=check,
            status_path=f"$.{environment}_check.status",
            then=then,
            every_seconds=self._every_seconds(f"$.{environment}_check"),
        )
        deploy.next(no_steps).next(wait)
        return deploy

    def undo(self, *, then: sfn.IChainable) -> sfn.IChainable:
        """States that put back what was noted, if anything was; whatever comes of it, it goes on."""
        environment = self._environment
        since = sfn.Pass(
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
                **in_environment(environment),
                "before": sfn.JsonPath.object_at(f"$.{environment}_before"),
                "since": sfn.JsonPath.string_at("$.undo.since"),
                "turn": HELD,
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
            every_seconds=self._every_seconds("$.undo.state"),
        )
        changed = sfn.Choice(self, f"Has {environment} been changed?")
        changed.when(sfn.Condition.is_not_present(f"$.{environment}_before"), then)
        return changed.otherwise(since.next(wait))

    def _every_seconds(self, told_at: str) -> int | str:
        return f"{told_at}.wait_seconds" if self._patient else _EVERY_SECONDS


def in_environment(environment: str) -> dict[str, str]:
    """Say to a function in which environment it acts, and in whose name."""
    return {"environment": environment, "execution": sfn.JsonPath.string_at(EXECUTION)}
