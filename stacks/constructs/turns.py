"""Turns: executions that change the same thing go one after another."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from stacks.constructs.python_function import PythonFunction
from stacks.constructs.states import STARTED, call
from stacks.grants import allow

_SUPERSEDED = "Superseded"
# Of what changes something in a turn; a killed holder's turn goes on for so long.
_LONGEST_CALL = cdk.Duration.seconds(60)

HELD = {
    "line": sfn.JsonPath.string_at("$.turn.line"),
    "holder": sfn.JsonPath.string_at("$$.Execution.Id"),
}


class Turns(Construct):
    """The table of turns, and the states that take and give back one; lambdas/common/turns.py has the rule.

    Who starts the state machine puts it in line first and gives it `turn`: {"line": what is changed,
    "order": the ISO time by which the turns go}. `lease` is how long a turn lasts at most: as long as the
    state machine may run.
    """

    def __init__(self, scope: Construct, construct_id: str, *, lease: cdk.Duration) -> None:
        super().__init__(scope, construct_id)
        self._table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="line", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="entry", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        leases = {
            "LEASE_SECONDS": str(int(lease.to_seconds())),
            "CALL_SECONDS": str(int(_LONGEST_CALL.to_seconds())),
        }
        self._take = self._function("take_turn", leases)
        self._give_back = self._function("give_turn_back", {})
        table = self._table.table_arn
        allow(self._take, "dynamodb:GetItem", "dynamodb:Query", on=[table])
        allow(self._take, "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", on=[table])
        allow(self._give_back, "dynamodb:UpdateItem", on=[table])
        self._ticket = {
            "turn": sfn.JsonPath.object_at("$.turn"),
            "execution": sfn.JsonPath.string_at("$$.Execution.Id"),
        }

    @property
    def functions(self) -> list[lambda_.Function]:
        """The functions that the states call."""
        return [self._take, self._give_back]

    @property
    def table_name(self) -> str:
        """The table's name, for who puts executions in line."""
        return self._table.table_name

    def grant_join(self, function: lambda_.Function) -> None:
        """Let a function put executions in line."""
        allow(function, "dynamodb:PutItem", on=[self._table.table_arn])

    def grant_look(self, function: lambda_.Function) -> None:
        """Let a function see who has the turn, and who had the latest."""
        allow(function, "dynamodb:GetItem", on=[self._table.table_arn])

    def guard(self, function: lambda_.Function) -> None:
        """Let a function see that the turn is still that of its execution, given `HELD` as `turn`."""
        timeout = function.timeout
        if timeout is None or timeout.to_seconds() > _LONGEST_CALL.to_seconds():
            raise ValueError(f"{function.node.path} may go on for longer than {_LONGEST_CALL} after its turn")
        function.add_environment("TURNS_TABLE", self._table.table_name)
        self.grant_look(function)

    def take(
        self,
        *,
        then: sfn.IChainable,
        late: str,
        on_failure: sfn.IChainable,
        scope: Construct | None = None,
    ) -> tasks.LambdaInvoke:
        """Wait for the turn; where a later order has had its turn, fail as superseded because of `late`.

        `scope` is that of the states where more than one state machine takes turns.
        """
        scope = scope or self
        take = call(
            scope,
            "Take turn",
            self._take,
            {**self._ticket, "started_at": sfn.JsonPath.string_at(STARTED)},
            "$.turn.state",
            on_failure=on_failure,
        )
        superseded = sfn.Pass(
            scope, "Came too late", parameters={"Error": _SUPERSEDED, "Cause": late}, result_path="$.failure"
        )
        superseded.next(on_failure)
        wait = sfn.Wait(scope, "Wait for turn", time=sfn.WaitTime.seconds_path("$.turn.state.wait_seconds"))
        choice = sfn.Choice(scope, "Whose turn is it?")
        choice.when(sfn.Condition.string_equals("$.turn.state.turn", "mine"), then)
        choice.when(sfn.Condition.string_equals("$.turn.state.turn", "superseded"), superseded)
        choice.otherwise(wait)
        wait.next(take)
        take.next(choice)
        return take

    def give_back(self, name: str) -> tasks.LambdaInvoke:
        """A state that ends the turn, named for where in the state machine it stands."""
        return call(self, name, self._give_back, self._ticket, sfn.JsonPath.DISCARD)

    def watch(self, machine: sfn.StateMachine, construct_id: str = "SeeExecutions") -> None:
        """Let the one who waits see whether the holder still runs."""
        # Beside the role's own policy, on which the function waits, and on the function the state machine.
        policy = iam.ManagedPolicy(self, construct_id, roles=[self._take.own_role])
        executions = cdk.Stack.of(self).format_arn(
            service="states",
            resource="execution",
            resource_name=f"{machine.state_machine_name}:*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        allow(policy, "states:DescribeExecution", on=[executions], because="executions get their names later")

    def _function(self, name: str, environment: Mapping[str, str]) -> PythonFunction:
        return PythonFunction(
            self,
            "".join(word.capitalize() for word in name.split("_")),
            handler=f"lambdas.common.{name}.handler",
            environment={"TURNS_TABLE": self._table.table_name, **environment},
        )


def end_failed(
    scope: Construct,
    *,
    record: sfn.TaskStateBase,
    turns: Turns,
    failed: str,
    outcomes: Mapping[str, str] = MappingProxyType({}),
    tell: Callable[[sfn.IChainable], sfn.IChainable] | None = None,
) -> sfn.IChainable:
    """End what failed with `$.failure`: record it, give the turn back, and fail by the error's name.

    `failed` is the state that it ends in; `outcomes` gives some errors a state of their own. To have come too
    late is no failure. A way back that failed (`$.rollback_failure`) is told before all else. `tell` makes
    the state that tells people, before the turn is given back.
    """
    give_back = turns.give_back("Give turn back after failure")
    recorded = tell(give_back) if tell else give_back
    how = sfn.Choice(scope, "How did it end?")
    how.when(_failed_with(_SUPERSEDED), sfn.Succeed(scope, "Superseded"))
    rollback = sfn.Condition.is_present("$.rollback_failure")
    how.when(rollback, _fail(scope, "Rollback failed", "$.rollback_failure", error="RollbackFailed"))
    for error, name in outcomes.items():
        how.when(_failed_with(error), _fail(scope, name, "$.failure", error=error))
    how.otherwise(_fail(scope, failed, "$.failure"))
    record.add_catch(recorded, result_path="$.record_failure")
    give_back.add_catch(how, result_path=sfn.JsonPath.DISCARD)
    give_back.next(how)
    return record.next(recorded)


def _failed_with(error: str) -> sfn.Condition:
    return sfn.Condition.string_equals("$.failure.Error", error)


def _fail(scope: Construct, name: str, path: str, *, error: str | None = None) -> sfn.Fail:
    return sfn.Fail(
        scope,
        name,
        error=error,
        error_path=None if error else sfn.JsonPath.string_at(f"{path}.Error"),
        cause_path=sfn.JsonPath.string_at(f"{path}.Cause"),
    )
