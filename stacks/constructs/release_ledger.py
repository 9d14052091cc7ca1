"""The ledger of releases: the table, and the states that write it and look into it."""

from collections.abc import Callable

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from stacks.constructs.python_function import PythonFunction
from stacks.constructs.states import call
from stacks.grants import allow

_WHOLE = {"promotion": sfn.JsonPath.entire_payload}


class ReleaseLedger(Construct):
    """What prod has served, by model and time; lambdas/promotion/ledger.py has its form.

    `keep`: whether it outlives the stack.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        keep: bool,
        grant_describe_packages: Callable[[lambda_.Function], None],
    ) -> None:
        super().__init__(scope, construct_id)
        self.table = dynamodb.Table(
            self,
            "Releases",
            partition_key=dynamodb.Attribute(name="model", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="promoted_at", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            # It holds the hashes of records that are kept too.
            removal_policy=cdk.RemovalPolicy.RETAIN if keep else cdk.RemovalPolicy.DESTROY,
        )
        self._enter = self._function("enter_release")
        self._find = self._function("find_release")
        allow(self._enter, "dynamodb:PutItem", on=[self.table.table_arn])
        allow(self._find, "dynamodb:Query", on=[self.table.table_arn])
        grant_describe_packages(self._find)

    @property
    def functions(self) -> list[lambda_.Function]:
        """The functions that the states call."""
        return [self._enter, self._find]

    def enter(self, name: str, *, then: sfn.IChainable) -> tasks.LambdaInvoke:
        """A state that enters the release; prod serves it, so where it cannot it says so and goes on."""
        state = call(self, name, self._enter, _WHOLE, sfn.JsonPath.DISCARD)
        state.add_catch(then, result_path="$.ledger_failure")
        state.next(then)
        return state

    def find(self, name: str, *, on_failure: sfn.IChainable) -> tasks.LambdaInvoke:
        """A state that aims the promotion at the release to go back to, and leaves `$.todo`."""
        return call(self, name, self._find, _WHOLE, "$", on_failure=on_failure)

    def _function(self, name: str) -> PythonFunction:
        return PythonFunction(
            self,
            "".join(word.capitalize() for word in name.split("_")),
            handler=f"lambdas.promotion.{name}.handler",
            environment={"RELEASES_TABLE": self.table.table_name},
        )
