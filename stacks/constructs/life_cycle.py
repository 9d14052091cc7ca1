"""The life cycle of packages in the registry: what marks it, and may change nothing else that counts."""

from collections.abc import Sequence

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from stacks.constructs.python_function import PythonFunction
from stacks.constructs.states import EXECUTION, call
from stacks.grants import allow


class LifeCycle(Construct):
    """The states that mark a package's stage; docs/adr/0017 lists the stages."""

    def __init__(self, scope: Construct, construct_id: str, *, packages: Sequence[str]) -> None:
        super().__init__(scope, construct_id)
        self._mark = PythonFunction(
            self, "MarkPackage", handler="lambdas.promotion.mark_package.handler", environment={}
        )
        allow(
            self._mark,
            "sagemaker:UpdateModelPackage",
            on=list(packages),
            because="a package is a version number",
            conditions={
                "Null": {"sagemaker:ModelApprovalStatus": "true"},
                "StringEquals": {"sagemaker:ModelLifeCycle:stage": ["Staging", "Production"]},
            },
        )

    @property
    def functions(self) -> list[lambda_.Function]:
        """The function that the states call."""
        return [self._mark]

    def mark(self, name: str, *, then: sfn.IChainable) -> tasks.LambdaInvoke:
        """A state that marks how far the promotion has come, and goes on where it cannot."""
        payload = {
            "promotion": sfn.JsonPath.entire_payload,
            "execution": sfn.JsonPath.string_at(EXECUTION),
        }
        state = call(self, name, self._mark, payload, sfn.JsonPath.DISCARD)
        state.add_catch(then, result_path="$.mark_failure")
        state.next(then)
        return state
